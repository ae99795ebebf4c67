// What both interfaces take.
import { type TSchema, Type } from '@sinclair/typebox';

/** Clients write null where they mean nothing. */
export const orNull = <S extends TSchema>(schema: S) => Type.Optional(Type.Union([schema, Type.Null()]));

export const Sampling = {
  model: orNull(Type.String({ description: 'one of /v1/models (default: the first)' })),
  stream: orNull(Type.Boolean()),
  temperature: orNull(
    Type.Number({ minimum: 0, maximum: 2, description: 'default 0: always the most probable token' }),
  ),
  top_p: orNull(Type.Number({ minimum: 0, maximum: 1 })),
  seed: orNull(Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })),
};
