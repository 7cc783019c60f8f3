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
  declare version: number;
  declare createdAt: Date;
  declare updatedAt: Date;
}
