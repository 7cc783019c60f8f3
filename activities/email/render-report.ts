import type { SecurityReport, SignIn } from '../../db/queries/find-security-report';
import { formatInstant, type Locale, translator } from '../../i18n';
import type { MailSection } from './mail-types';

/** A security report as tables, in the reader's language. // C8 */
export function renderReport(report: SecurityReport, locale: Locale, timeZone: string): MailSection[] {
  const t = translator(locale);
  const words = (key: string) => t(`mail.report.${key}`);
  const at = (instant: Date | null) => (instant ? formatInstant(instant, locale, timeZone) : words('never'));
  const { user, account, groups, invitations } = report;
  const list = (items: string[]) => items.join(', ') || words('none');
  const origin = ({ ip, userAgent }: { ip: string | null; userAgent: string | null }) =>
    [ip, userAgent].filter(Boolean).join(' · ') || words('unknown');
  const section = (key: string, rows: string[][]): MailSection => ({
    title: words(key),
    rows: rows.length > 0 ? rows : [[words('none')]],
  });
  const signIns = (key: string, rows: SignIn[]) =>
    section(
      key,
      rows.map((row) => [at(row.at), `${words(`results.${row.result}`)} · ${origin(row)}`]),
    );
  return [
    section('account', [
      [words('name'), [user.firstName, user.lastName].filter(Boolean).join(' ') || words('none')],
      [words('email'), user.email ?? words('none')],
      [words('username'), user.username ?? words('none')],
      [words('id'), user.id],
      [words('status'), words(`statuses.${user.status}`)],
      [words('kind'), words(`kinds.${user.kind}`)],
      [words('joined'), at(report.joinedAt)],
      ...(user.accessEndsAt ? [[words('accessEnds'), at(user.accessEndsAt)]] : []),
      ...(account
        ? [
            [words('created'), at(account.createdAt)],
            [words('activated'), at(account.activatedAt)],
            [words('lastSignIn'), at(account.lastSignInAt)],
          ]
        : []),
    ]),
    section('rights', [
      [words('role'), words(`roles.${user.role}`)],
      [words('permissions'), list(report.permissions)],
      ...(report.userType ? [[words('userType'), report.userType]] : []),
    ]),
    section(
      'groups',
      groups.map(({ name, role, permissions }) => [
        name,
        [words(`groupRoles.${role}`), ...(permissions.length > 0 ? [permissions.join(', ')] : [])].join(' · '),
      ]),
    ),
    ...(account
      ? [
          section('secondFactor', [
            [words('method'), words(`methods.${account.factor}`)],
            [words('recoveryCodes'), String(account.recoveryCodes)],
          ]),
          signIns('signIns', account.signIns),
          signIns('failedSignIns', account.failedSignIns),
          section(
            'sessions',
            account.sessions.map((session) => [
              at(session.createdAt),
              `${words('until')} ${at(session.expire)} · ${origin(session)}`,
            ]),
          ),
        ]
      : [section('secondFactor', [[words('elsewhere')]])]),
    section(
      'invitations',
      invitations.map(({ email, kind, role, status, expiresAt }) => [
        email ?? words('none'),
        [
          words(`kinds.${kind}`),
          words(`roles.${role}`),
          status === 'draft' ? words('notSent') : `${words('until')} ${at(expiresAt)}`,
        ].join(' · '),
      ]),
    ),
  ];
}
