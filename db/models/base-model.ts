import { Model } from 'objection';

/** Columns are declared, never initialized: a class field would overwrite what was read with undefined. */
export class BaseModel extends Model {
  static override useLimitInFirst = true;
}
