import { DBError, UniqueViolationError } from 'objection';
import { describeError } from '../../config/logger';

const statement = 'insert into "accounts" ("email") values ($1) - Key (email)=(ada@example.com) already exists';
/** As the driver throws it, with what knex puts in front. */
const native = Object.assign(new Error(statement), {
  name: 'error',
  severity: 'ERROR',
  code: '23505',
  constraint: 'accounts_email',
  table: 'accounts',
  detail: 'Key (email)=(ada@example.com) already exists.',
});
/** Their types hide that they are made from the driver's error. */
const wrapped = { nativeError: native, client: 'postgres', table: 'accounts', columns: ['email'] } as never;
const expected = { code: '23505', constraint: 'accounts_email', table: 'accounts' };

describe('an error in the log', () => {
  test.each([
    ['as the driver threw it', native, expected],
    ['as Objection wraps it', new UniqueViolationError(wrapped), expected],
    ['of a kind that Objection does not know', new DBError(wrapped), expected],
    ['as the cause of another', new Error('The command failed.', { cause: native }), { cause: expected }],
    ['of a connection that broke', new Error('select * from "accounts"\nwhere 1 - Connection terminated'), {}],
  ])('of the database, %s, tells its code and constraint, no statement and no value', (_, error, told) => {
    const described = describeError(error);
    expect(described).toMatchObject(told);
    expect(JSON.stringify(described)).not.toMatch(/ada@example|insert into|select|Key \(/);
  });

  test('of our own keeps its message', () => {
    expect(describeError(new Error('Temporal is away.'))).toMatchObject({
      type: 'Error',
      message: 'Temporal is away.',
    });
    expect(describeError('thrown')).toEqual({ type: 'string' });
  });
});
