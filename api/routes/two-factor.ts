import type { z } from 'zod';
import { countRecoveryCodes } from '../../db/queries/find-two-factor';
import { presentFactor } from '../../domain/two-factor';
import { beginOwnApp, confirmOwnApp, renewOwnRecoveryCodes, switchOwnFactor } from '../own-two-factor';
import type { RouteSpec } from '../route';
import { appSetUp, factorSwitch, givenCode, ownFactor, recoveryCodes, recoveryCodesLeft } from '../schemas/accounts';
import { ownRequest, personOf } from './me';

const shared = { tag: 'Second factor', access: 'person', beforeSetUp: true } as const;
const headers = { 'Cache-Control': 'no-store' };

/** A person's own second factor. Answers that hold a secret are given once: these routes take no Idempotency-Key. // B3 */
export const twoFactorRoutes: RouteSpec[] = [
  {
    ...shared,
    method: 'get',
    path: '/v1/me/two-factor',
    summary: 'Which second factor one’s sign-ins ask for',
    answers: { 200: { description: 'The method', schema: ownFactor } },
    handle: (context) =>
      Promise.resolve({ status: 200, body: { method: presentFactor(personOf(context).factor) }, headers }),
  },
  {
    ...shared,
    method: 'post',
    path: '/v1/me/two-factor/app',
    summary: 'A new secret for an authenticator app; nothing changes before one of its codes is given',
    answers: { 200: { description: 'To be scanned or typed into the app', schema: appSetUp } },
    problems: ['REAUTHENTICATION_REQUIRED'],
    async handle(context) {
      const { otpauthUrl, qrCode } = await beginOwnApp(ownRequest(context));
      return { status: 200, body: { otpauthUrl, qrCode }, headers };
    },
  },
  {
    ...shared,
    method: 'post',
    path: '/v1/me/two-factor/app/confirm',
    summary: 'Give a code of the new app, which is the second factor from then on; every other session ends',
    body: givenCode,
    answers: { 200: { description: 'Recovery codes, shown only now; earlier ones are dead', schema: recoveryCodes } },
    problems: ['REAUTHENTICATION_REQUIRED', 'STATUS_CONFLICT'],
    async handle(context) {
      const { code } = context.body as z.infer<typeof givenCode>;
      return { status: 200, body: { recoveryCodes: await confirmOwnApp(ownRequest(context), code) }, headers };
    },
  },
  {
    ...shared,
    method: 'get',
    path: '/v1/me/two-factor/recovery-codes',
    summary: 'How many recovery codes are left; none without an app',
    answers: { 200: { description: 'How many', schema: recoveryCodesLeft } },
    async handle(context) {
      const left = await countRecoveryCodes(context.services.database, personOf(context).id);
      return { status: 200, body: { left }, headers };
    },
  },
  {
    ...shared,
    method: 'post',
    path: '/v1/me/two-factor/recovery-codes',
    summary: 'New recovery codes for one’s app; every other session ends',
    answers: { 200: { description: 'Recovery codes, shown only now; earlier ones are dead', schema: recoveryCodes } },
    problems: ['REAUTHENTICATION_REQUIRED', 'STATUS_CONFLICT'],
    async handle(context) {
      return { status: 200, body: { recoveryCodes: await renewOwnRecoveryCodes(ownRequest(context)) }, headers };
    },
  },
  {
    ...shared,
    method: 'put',
    path: '/v1/me/two-factor',
    summary: 'Switch to codes by e-mail, or the second factor off where the policy allows; every other session ends',
    body: factorSwitch,
    answers: { 200: { description: 'The method', schema: ownFactor } },
    problems: ['REAUTHENTICATION_REQUIRED', 'TWO_FACTOR_REQUIRED', 'STATUS_CONFLICT'],
    async handle(context) {
      const { method } = context.body as z.infer<typeof factorSwitch>;
      return { status: 200, body: { method: await switchOwnFactor(ownRequest(context), method) }, headers };
    },
  },
];
