import { BaseModel } from './base-model';

export class ApiKey extends BaseModel {
  static override tableName = 'api_keys';

  declare id: string;
  declare organizationId: string;
  declare name: string;
  /** SHA-256 of the key; the key itself is 256 random bits and shown once. */
  declare keyHash: Buffer;
  declare expiresAt: Date | null;
  declare createdAt: Date;
  declare revokedAt: Date | null;
}
