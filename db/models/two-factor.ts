import type { FactorMethod } from '../../domain/two-factor';
import { BaseModel } from './base-model';

/** The second factor of an account; no row: never had one. */
export class TwoFactor extends BaseModel {
  static override tableName = 'two_factors';
  static override idColumn = 'accountId';

  declare accountId: string;
  /** null: what the policy says. */
  declare method: FactorMethod | null;
  /** Sealed. */
  declare appSecret: string | null;
  /** The newest step of the app whose code was used; bigint comes as text. */
  declare lastStep: string | null;
  /** Sealed; of an app that is being set up. */
  declare pendingSecret: string | null;
  declare wrongCodes: number;
  /** The first of them. */
  declare wrongSince: Date | null;
}
