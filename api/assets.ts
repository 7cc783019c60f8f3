import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import { Router } from 'express';

interface Asset {
  bytes: Buffer;
  /** null: it is as small as it gets. */
  gzipped: Buffer | null;
}

/** By what a browser waits for before it shows anything. Pages are sent as they are: they hold what only their reader may know. */
const squeezed: Record<string, (source: string) => string> = {
  '.css': (source) =>
    source
      .replace(/\/\*[\s\S]*?\*\//g, '')
      .replace(/\s+/g, ' ')
      .replace(/ ?([{};,]) ?/g, '$1')
      .replace(/: /g, ':')
      .replace(/;}/g, '}'),
  // Whole lines of comment and indents only: what stands within a line is left alone.
  '.js': (source) => source.replace(/^\s*\/\*[\s\S]*?\*\/$/gm, '').replace(/^\s+(?:\/\/.*\n)?/gm, ''),
};

/**
 * What is in public/, read once: it changes with a new Usher only. Styles and scripts go out without comments and indents.
 * An address that names the content never changes what it leads to, and is kept for good.
 */
export function assets(folder: string): Router {
  const router = Router();
  for (const file of readdirSync(folder)) {
    const type = extname(file);
    const { bytes, gzipped } = read(join(folder, file), type);
    router.get(`/${file}`, (request, response) => {
      const kept = request.query.v ? 'public, max-age=31536000, immutable' : 'public, max-age=3600';
      // A preview's frame may run nothing and so is of no origin at all, and looks like the rest.
      const anywhere = { 'Cross-Origin-Resource-Policy': 'cross-origin' };
      response.set({ 'Cache-Control': kept, Vary: 'Accept-Encoding', ...anywhere }).type(type);
      if (gzipped && request.acceptsEncodings('gzip')) response.set('Content-Encoding', 'gzip').send(gzipped);
      else response.send(bytes);
    });
  }
  return router;
}

function read(path: string, type: string): Asset {
  const source = readFileSync(path);
  const squeeze = squeezed[type];
  const bytes = squeeze ? Buffer.from(squeeze(source.toString('utf8'))) : source;
  const gzipped = gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION });
  return { bytes, gzipped: gzipped.length < bytes.length ? gzipped : null };
}
