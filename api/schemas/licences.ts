import { z } from 'zod';
import type { SeatCount } from '../../domain/seats';

const count = z.int().min(0);

export const licenceUse = z
  .object({
    licences: count.nullable().describe('null: no limit'),
    used: z.object({ members: count, multiGroupGuests: count }).describe('Pending invitations included'),
    singleGroupGuests: z.object({ used: count, limit: count.nullable() }),
  })
  .meta({ id: 'LicenceUse' });

export const toLicenceUse = (seats: SeatCount): z.infer<typeof licenceUse> => ({
  licences: seats.licences,
  used: { members: seats.members, multiGroupGuests: seats.multiGroupGuests },
  singleGroupGuests: { used: seats.singleGroupGuests, limit: seats.licences },
});
