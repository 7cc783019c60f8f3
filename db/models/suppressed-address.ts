import { BaseModel } from './base-model';

export const suppressionReasons = ['bounce', 'complaint'] as const;

/** An address that this organization does not mail of its own accord any more, until somebody releases it. */
export class SuppressedAddress extends BaseModel {
  static override tableName = 'suppressed_addresses';

  declare id: string;
  declare organizationId: string;
  /** As `addressKey` writes it; null: its owner has been erased, and only the hash is left. // decision 25 */
  declare address: string | null;
  declare reason: (typeof suppressionReasons)[number];
  /** What the report said. */
  declare detail: string | null;
  /** The mail that came back. */
  declare mailId: string | null;
  declare at: Date;
}
