import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The key ring for link tokens and encryption, made once: another one would make every link that is out there void.
 * Format of USHER_SECRET, `id:base64key`.
 */
export function keptSecret(dataDir: string): string {
  return kept(join(dataDir, 'secret'), () => `k1:${randomBytes(32).toString('base64')}`);
}

/** The API key of the platform operator, made once. */
export function keptPlatformKey(dataDir: string): string {
  return kept(join(dataDir, 'platform-key'), () => `usher_platform_${randomBytes(24).toString('base64url')}`);
}

function kept(file: string, make: () => string): string {
  if (!existsSync(file)) {
    // link() never overwrites, and never shows half a secret.
    const temporary = `${file}.${randomUUID()}`;
    writeFileSync(temporary, `${make()}\n`, { mode: 0o600, flush: true });
    try {
      linkSync(temporary, file);
    } finally {
      rmSync(temporary, { force: true });
    }
  }
  return readFileSync(file, 'utf8').trim();
}
