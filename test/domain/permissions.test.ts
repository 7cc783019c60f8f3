import fc from 'fast-check';
import { groupRoles, groupVisibilities } from '../../domain/group';
import { roles } from '../../domain/invitation';
import {
  type Action,
  actions,
  decide,
  type DecisionContext,
  type GroupResource,
  keyPerson,
  knownGroups,
  mayInvite,
  nobody,
  type Person,
  type Resource,
  type Standing,
  theOrganization,
  type UserResource,
} from '../../domain/permissions';

/**
 * Who may do what in an organization. `+` yes, `-` no, `i` where the policy lets members invite guests, `a` the same or
 * as administrator of some group. `trusted`: a member who was given every permission string there is.
 */
const inOrganization = `
                      member  trusted  staff  administrator  guest
  orgchart.read         +       +        +        +            +
  groups.read           +       +        +        +            +
  users.read            +       +        +        +            -
  guests.invite         a       +        +        +            -
  members.invite        -       +        +        +            -
  invitations.create    a       +        +        +            -
  invitations.manage    -       +        +        +            -
  users.manage          -       +        +        +            -
  guests.manage         -       +        +        +            -
  group.create          -       +        +        +            -
  logs.read             -       +        +        +            -
  permissions.give      -       -        +        +            -
  roles.give            -       -        -        +            -
  settings.manage       -       -        -        +            -
  policy.manage         -       -        -        +            -
  keys.manage           -       -        -        +            -
  templates.manage      -       -        -        +            -
  webhooks.manage       -       -        -        +            -
  decisions.read        -       -        -        +            -
`;

/**
 * Who may do what to a group, by its visibility and what they are in it: nothing, member, administrator. `.` no, and they
 * may not even know of it; `i` where policy and group let members invite guests; `p` where the group lets members
 * publish. A guest in the last column is what must not be: a row that says "administrator". // D3, D4, D8, D9
 */
const inGroup = `
                                     open         private        secret
                                   -  in adm     -  in adm     -  in adm
  group.read        member         +  +  +       +  +  +       .  +  +
  group.read        trusted        +  +  +       +  +  +       .  +  +
  group.read        staff          +  +  +       +  +  +       .  +  +
  group.read        administrator  +  +  +       +  +  +       .  +  +
  group.read        guest          .  +  +       .  +  +       .  +  +

  directory.read    member         +  +  +       +  +  +       .  +  +
  directory.read    trusted        +  +  +       +  +  +       .  +  +
  directory.read    staff          +  +  +       +  +  +       .  +  +
  directory.read    administrator  +  +  +       +  +  +       .  +  +
  directory.read    guest          .  +  +       .  +  +       .  +  +

  users.read        member         +  +  +       +  +  +       .  +  +
  users.read        trusted        +  +  +       +  +  +       .  +  +
  users.read        staff          +  +  +       +  +  +       .  +  +
  users.read        administrator  +  +  +       +  +  +       .  +  +
  users.read        guest          .  +  +       .  +  +       .  +  +

  drive.read        member         +  +  +       -  +  +       .  +  +
  drive.read        trusted        +  +  +       -  +  +       .  +  +
  drive.read        staff          +  +  +       -  +  +       .  +  +
  drive.read        administrator  +  +  +       -  +  +       .  +  +
  drive.read        guest          .  +  +       .  +  +       .  +  +

  discussion.write  member         -  +  +       -  +  +       .  +  +
  discussion.write  trusted        -  +  +       -  +  +       .  +  +
  discussion.write  staff          -  +  +       -  +  +       .  +  +
  discussion.write  administrator  -  +  +       -  +  +       .  +  +
  discussion.write  guest          .  +  +       .  +  +       .  +  +

  content.publish   member         -  p  +       -  p  +       .  p  +
  content.publish   trusted        -  p  +       -  p  +       .  p  +
  content.publish   staff          -  p  +       -  p  +       .  p  +
  content.publish   administrator  -  p  +       -  p  +       .  p  +
  content.publish   guest          .  p  p       .  p  p       .  p  p

  group.administer  member         -  -  +       -  -  +       .  -  +
  group.administer  trusted        +  +  +       -  +  +       .  +  +
  group.administer  staff          +  +  +       -  +  +       .  +  +
  group.administer  administrator  +  +  +       -  +  +       .  +  +
  group.administer  guest          .  -  -       .  -  -       .  -  -

  guests.invite     member         i  i  +       -  i  +       .  i  +
  guests.invite     trusted        +  +  +       -  +  +       .  +  +
  guests.invite     staff          +  +  +       -  +  +       .  +  +
  guests.invite     administrator  +  +  +       -  +  +       .  +  +
  guests.invite     guest          .  -  -       .  -  -       .  -  -

  members.invite    member         -  -  -       -  -  -       .  -  -
  members.invite    trusted        +  +  +       -  +  +       .  +  +
  members.invite    staff          +  +  +       -  +  +       .  +  +
  members.invite    administrator  +  +  +       -  +  +       .  +  +
  members.invite    guest          .  -  -       .  -  -       .  -  -
`;

/** To a person: themselves, somebody of whom nothing more is known, somebody in the same group, staff, an administrator. */
const onUser = `
                                   self  other  shared  staff  administrator
  profile.read      member          +     +      +       +      +
  profile.read      trusted         +     +      +       +      +
  profile.read      staff           +     +      +       +      +
  profile.read      administrator   +     +      +       +      +
  profile.read      guest           +     .      +       .      .

  users.manage      member          -     -      -       -      -
  users.manage      trusted         +     +      +       -      -
  users.manage      staff           +     +      +       +      -
  users.manage      administrator   +     +      +       +      +
  users.manage      guest           -     -      -       -      -

  guests.manage     member          -     -      -       -      -
  guests.manage     trusted         +     +      +       -      -
  guests.manage     staff           +     +      +       +      -
  guests.manage     administrator   +     +      +       +      +
  guests.manage     guest           -     -      -       -      -

  invitations.manage  member        -     -      -       -      -
  invitations.manage  trusted       +     +      +       -      -
  invitations.manage  staff         +     +      +       +      -
  invitations.manage  administrator +     +      +       +      +
  invitations.manage  guest         -     -      -       -      -

  decisions.read    member          +     -      -       -      -
  decisions.read    trusted         +     -      -       -      -
  decisions.read    staff           +     -      -       -      -
  decisions.read    administrator   +     +      +       +      +
  decisions.read    guest           +     -      -       -      -
`;

const everyPermission = [...Object.keys(actions), 'groups.create', 'groups.manage', 'administrator', '*'];
const kinds = ['member', 'trusted', 'staff', 'administrator', 'guest'] as const;
type Kind = (typeof kinds)[number];

/** Every row that such a person may have; a guest's may say whatever they like. */
function standings(kind: Kind, groups: Standing['groups']): Standing[] {
  if (kind === 'trusted') return [{ kind: 'member', role: 'member', permissions: everyPermission, groups }];
  if (kind === 'guest')
    return roles.flatMap((role) =>
      [[], everyPermission].map((permissions) => ({ kind: 'guest' as const, role, permissions, groups })),
    );
  return [{ kind: 'member', role: kind, permissions: [], groups }];
}

const rows = (table: string): string[][] =>
  table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([first]) => first?.includes('.') && /[a-z]/.test(first));

const booleans = [false, true];
const groupId = 'the-group';
const groupsOf = (place: 'none' | 'member' | 'administrator'): Standing['groups'] =>
  place === 'none' ? [{ id: 'another', role: 'member' }] : [{ id: groupId, role: place }];
const plain = { type: 'group', id: groupId, permissions: [] as string[] } as const;

describe('the tables', () => {
  test('name every action that there is, for everything that it can be done to', () => {
    const named = {
      organization: rows(inOrganization).map(([action]) => action),
      group: rows(inGroup).map(([action, kind]) => `${action} ${kind}`),
      user: rows(onUser).map(([action, kind]) => `${action} ${kind}`),
    };
    const known = (type: Resource['type']) =>
      Object.entries(actions).flatMap(([action, rules]) => (type in rules ? [action] : []));
    expect([...named.organization].sort()).toEqual(known('organization').sort());
    for (const type of ['group', 'user'] as const)
      expect([...named[type]].sort()).toEqual(
        known(type)
          .flatMap((action) => kinds.map((kind) => `${action} ${kind}`))
          .sort(),
      );
  });

  test.each(rows(inOrganization))('%s in an organization', (action, ...cells) => {
    for (const [index, kind] of kinds.entries())
      for (const membersMayInviteGuests of booleans)
        for (const place of ['none', 'administrator'] as const)
          for (const person of standings(kind, groupsOf(place))) {
            const expected = {
              '+': true,
              '-': false,
              a: membersMayInviteGuests || place === 'administrator',
            }[cells[index] ?? ''];
            const { allowed } = decide(person, action as Action, theOrganization, { membersMayInviteGuests });
            expect({ person, membersMayInviteGuests, allowed }).toEqual({
              person,
              membersMayInviteGuests,
              allowed: expected,
            });
          }
  });

  test.each(rows(inGroup))('%s of %s in a group', (action, kind, ...cells) => {
    for (const [v, visibility] of groupVisibilities.entries())
      for (const [p, place] of (['none', 'member', 'administrator'] as const).entries())
        for (const membersMayInviteGuests of booleans)
          for (const membersMayPublish of booleans)
            for (const policy of booleans)
              for (const person of standings(kind as Kind, groupsOf(place))) {
                const cell = cells[v * 3 + p] ?? '';
                const group = { ...plain, visibility, membersMayInviteGuests, membersMayPublish };
                const expected = {
                  '+': true,
                  '-': false,
                  '.': false,
                  p: membersMayPublish,
                  i: membersMayInviteGuests && policy,
                }[cell];
                const decision = decide(person, action as Action, group, { membersMayInviteGuests: policy });
                expect({ group, person, policy, allowed: decision.allowed }).toEqual({
                  group,
                  person,
                  policy,
                  allowed: expected,
                });
                expect(['secret', 'not-shared'].includes(decision.reason)).toBe(cell === '.');
              }
  });

  test.each(rows(onUser))('%s of %s to a person', (action, kind, ...cells) => {
    const user = {
      type: 'user',
      self: false,
      role: 'member',
      permissions: [] as string[],
      groupIds: [] as string[],
    } as const;
    const users = [
      { ...user, self: true },
      user,
      { ...user, groupIds: [groupId] },
      { ...user, role: 'staff' as const },
      { ...user, role: 'administrator' as const },
    ];
    for (const [index, target] of users.entries())
      for (const person of standings(kind as Kind, groupsOf('member')))
        expect({ target, person, allowed: decide(person, action as Action, target).allowed }).toEqual({
          target,
          person,
          allowed: cells[index] === '+',
        });
  });

  test('a key may do everything, to everything that it can be done to', () => {
    for (const visibility of groupVisibilities)
      for (const action of Object.keys(actions) as Action[])
        for (const resource of [
          theOrganization,
          { ...plain, visibility, membersMayInviteGuests: false, membersMayPublish: false },
          { type: 'user', self: false, role: 'administrator', permissions: [], groupIds: [] },
        ] satisfies Resource[])
          expect(decide(keyPerson, action, resource)).toEqual(
            resource.type in actions[action] ? { allowed: true, reason: 'ok' } : { allowed: false, reason: 'unknown' },
          );
  });
});

test('why not is said by a stable code', () => {
  const group: GroupResource = {
    ...plain,
    visibility: 'open',
    membersMayInviteGuests: false,
    membersMayPublish: false,
  };
  const member: Standing = { kind: 'member', role: 'member', permissions: [], groups: [] };
  const inside: Standing = { ...member, groups: [{ id: groupId, role: 'member' }] };
  const guest: Standing = { ...inside, kind: 'guest' };
  const reasons = [
    decide(member, 'policy.manage'),
    decide(guest, 'members.invite'),
    decide(member, 'guests.invite'),
    decide(member, 'discussion.write', group),
    decide(member, 'drive.read', { ...group, visibility: 'secret' }),
    decide(inside, 'content.publish', group),
    decide(inside, 'guests.invite', group, { membersMayInviteGuests: true }),
    decide(inside, 'guests.invite', { ...group, membersMayInviteGuests: true }),
    decide({ ...guest, groups: [] }, 'group.read', group),
    decide(member, 'policy.manage', group),
    decide(member, 'users.read'),
  ].map(({ reason }) => reason);
  expect(reasons).toEqual([
    'role',
    'guest',
    'policy',
    'not-in-group',
    'secret',
    'group-setting',
    'group-setting',
    'policy',
    'not-shared',
    'unknown',
    'ok',
  ]);
});

test('a permission that was given does not hand out by a group what it could not hand out itself', () => {
  const group: GroupResource = {
    ...plain,
    permissions: ['users.manage'],
    visibility: 'open',
    membersMayInviteGuests: false,
    membersMayPublish: false,
  };
  const given = (...permissions: string[]): Standing => ({ kind: 'member', role: 'member', permissions, groups: [] });
  expect(decide(given('groups.manage'), 'group.administer', group).allowed).toBe(false);
  expect(decide(given('groups.manage'), 'group.administer', { ...group, permissions: [] }).allowed).toBe(true);
  expect(decide(given('members.invite'), 'members.invite', group).allowed).toBe(false);
  expect(decide(given('members.invite'), 'members.invite', { ...group, permissions: [] }).allowed).toBe(true);
});

test('who manages others by a permission only manages nobody with another than their own; staff do', () => {
  const user: UserResource = { type: 'user', self: false, role: 'member', permissions: ['logs.read'], groupIds: [] };
  const given = (...permissions: string[]): Standing => ({ kind: 'member', role: 'member', permissions, groups: [] });
  const staff: Standing = { kind: 'member', role: 'staff', permissions: [], groups: [] };
  for (const action of ['users.manage', 'guests.manage', 'invitations.manage'] as const) {
    expect(decide(given(action), action, user).allowed).toBe(false);
    expect(decide(given(action), action, { ...user, permissions: [action] }).allowed).toBe(true);
    expect(decide(given(action, 'logs.read'), action, user).allowed).toBe(true);
    expect(decide(given('logs.read'), action, user).allowed).toBe(false);
    expect(decide(staff, action, user).allowed).toBe(true);
  }
});

test('an invitation needs each of the actions that it contains', () => {
  const policy = { membersMayInviteGuests: true };
  const may = (person: Person, kind: 'member' | 'guest', more: object = {}) =>
    mayInvite(person, { kind, role: 'member', permissions: [], ...more }, policy).allowed;
  const member: Standing = { kind: 'member', role: 'member', permissions: [], groups: [] };
  const staff: Standing = { ...member, role: 'staff' };
  const administrator: Standing = { ...member, role: 'administrator' };
  expect([may(member, 'guest'), may(member, 'member'), may(nobody, 'guest')]).toEqual([true, false, false]);
  for (const more of [{ permissions: ['x'] }, { overwrite: true }])
    expect([may(member, 'guest', more), may(staff, 'guest', more)]).toEqual([false, true]);
  for (const role of ['staff', 'administrator'])
    expect([may(staff, 'member', { role }), may(administrator, 'member', { role })]).toEqual([false, true]);
});

describe('whoever, wherever', () => {
  const ids = ['g1', 'g2'];
  const standing = fc.record<Standing>({
    kind: fc.constantFrom('member', 'guest'),
    role: fc.constantFrom(...roles),
    permissions: fc.subarray(everyPermission),
    groups: fc.uniqueArray(fc.record({ id: fc.constantFrom(...ids), role: fc.constantFrom(...groupRoles) }), {
      selector: ({ id }) => id,
    }),
  });
  const group = fc.record<GroupResource>({
    type: fc.constant('group'),
    id: fc.constantFrom(...ids),
    visibility: fc.constantFrom(...groupVisibilities),
    permissions: fc.subarray(['users.manage', 'guests.invite']),
    membersMayInviteGuests: fc.boolean(),
    membersMayPublish: fc.boolean(),
  });
  const user = fc.record<UserResource>({
    type: fc.constant('user'),
    self: fc.boolean(),
    role: fc.constantFrom(...roles),
    permissions: fc.subarray(['users.manage', 'guests.invite']),
    groupIds: fc.subarray(ids),
  });
  const resource = fc.oneof(
    fc.constant(theOrganization),
    group as fc.Arbitrary<Resource>,
    user as fc.Arbitrary<Resource>,
  );
  const context = fc.record<DecisionContext>({ membersMayInviteGuests: fc.boolean() });
  const action = fc.constantFrom(...(Object.keys(actions) as Action[]));
  const administrative = (Object.keys(actions) as Action[]).filter((name) =>
    /manage|give|administer|create|invite/.test(name),
  );

  test('a guest never does anything administrative', () => {
    fc.assert(
      fc.property(standing, fc.constantFrom(...administrative), resource, context, (person, name, what, policy) => {
        expect(decide({ ...person, kind: 'guest' }, name, what, policy).allowed).toBe(false);
      }),
      { numRuns: 5_000 },
    );
    expect(administrative.length).toBeGreaterThan(12);
  });

  test('what is allowed has the reason ok, and nothing else has', () => {
    fc.assert(
      fc.property(standing, action, resource, context, (person, name, what, policy) => {
        const { allowed, reason } = decide(person, name, what, policy);
        expect(allowed).toBe(reason === 'ok');
      }),
    );
  });

  test('who loses rights gains none by it', () => {
    const losses: ((
      person: Standing,
      policy: DecisionContext,
      what: Resource,
    ) => [Standing, DecisionContext, Resource])[] = [
      (person, policy, what) => [{ ...person, kind: 'guest' }, policy, what],
      (person, policy, what) => [
        { ...person, role: person.role === 'administrator' ? 'staff' : 'member' },
        policy,
        what,
      ],
      (person, policy, what) => [{ ...person, permissions: person.permissions.slice(1) }, policy, what],
      (person, policy, what) => [{ ...person, permissions: [] }, policy, what],
      (person, policy, what) => [{ ...person, groups: person.groups.slice(1) }, policy, what],
      (person, policy, what) => [
        { ...person, groups: person.groups.map(({ id }) => ({ id, role: 'member' })) },
        policy,
        what,
      ],
      (person, _, what) => [person, { membersMayInviteGuests: false }, what],
      (person, policy, what) => [
        person,
        policy,
        what.type === 'group' ? { ...what, membersMayInviteGuests: false, membersMayPublish: false } : what,
      ],
    ];
    fc.assert(
      fc.property(
        standing,
        action,
        resource,
        context,
        fc.constantFrom(...losses),
        (person, name, what, policy, lose) => {
          const [lesser, stricter, narrower] = lose(person, policy, what);
          if (decide(person, name, what, policy).allowed) return;
          expect(decide(lesser, name, narrower, stricter).allowed).toBe(false);
        },
      ),
      { numRuns: 20_000 },
    );
  });

  test('the groups that a list asks for are those that may be read', () => {
    fc.assert(
      fc.property(standing, group, (person, what) => {
        const known = knownGroups(person);
        const listed = known.visibilities.includes(what.visibility) || known.ids.includes(what.id);
        expect(listed).toBe(decide(person, 'group.read', what).allowed);
      }),
      { numRuns: 2_000 },
    );
  });
});
