import { BaseModel } from './base-model';

export const suppressionReasons = ['bounce', 'complaint'] as const;

/** An address that this organization does not mail of its own accord any more, until somebody releases it. */
export class SuppressedAddress extends BaseModel {
  static override tableName = 'suppressed_addresses';

  declare id: string;
  declare organizationId: string;
  /** As `addressKey` writes it. */
  declare address: string;
  declare reason: (typeof suppressionReasons)[number];
  /** What the report said. */
  declare detail: string | null;
  /** The mail that came back. */
  declare mailId: string | null;
  declare at: Date;
}
