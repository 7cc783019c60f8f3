import express, { type RequestHandler } from 'express';
import { badInput } from '../../domain/problem';

/** Fields as of any form; a file becomes a data URL under its field's name, and one that was not chosen is empty. */
const readForm: RequestHandler = async (request, _response, next) => {
  const raw = request.body as unknown;
  if (!Buffer.isBuffer(raw)) return next();
  const type = request.get('content-type') ?? '';
  const form = await new Response(new Uint8Array(raw), { headers: { 'content-type': type } }).formData().catch(() => {
    throw badInput({ pointer: '', message: 'The form cannot be read.' });
  });
  const body: Record<string, string> = {};
  for (const [name, value] of form) {
    if (typeof value === 'string') body[name] = value;
    else {
      const data = Buffer.from(await value.arrayBuffer()).toString('base64');
      // What the browser calls it says nothing; its bytes are judged.
      body[name] = data && `data:${value.type === 'image/jpeg' ? 'image/jpeg' : 'image/png'};base64,${data}`;
    }
  }
  request.body = body;
  next();
};

/** For forms with a small file. */
export const multipart: RequestHandler[] = [express.raw({ type: 'multipart/form-data', limit: '256kb' }), readForm];
