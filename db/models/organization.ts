import type { Policy } from '../../domain/policy';
import type { Preset } from '../../domain/presets';
import { BaseModel } from './base-model';

export class Organization extends BaseModel {
  static override tableName = 'organizations';
  static override jsonAttributes = ['policy'];

  declare id: string;
  declare name: string;
  declare preset: Preset;
  declare timeZone: string;
  declare locale: string;
  declare plan: 'standard' | 'premium';
  declare licences: number | null;
  declare policy: Policy;
  /** `#rrggbb`; null: ours. */
  declare brandColour: string | null;
  /** Before our own name in the sender of its mails. */
  declare senderName: string | null;
  /** Names a row of `organization_logos`; null: none. */
  declare logoVersion: string | null;
  declare brandingVersion: number;
  declare version: number;
  declare createdAt: Date;
  declare updatedAt: Date;
}
