import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

// The headless one first: without windows it needs less of the processor.
const names = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The system's Chromium. @throws Error that says what to install */
export function findChromium(): string {
  const folders = ['/usr/bin', ...(process.env['PATH'] ?? '').split(delimiter)];
  const found = [
    process.env['CHROMIUM_PATH'] ?? '',
    ...folders.flatMap((folder) => names.map((name) => join(folder, name))),
  ].find((path) => path !== '' && existsSync(path));
  if (!found)
    throw new Error('Pages need a browser: install Chromium (apt-get install chromium) or set CHROMIUM_PATH to one.');
  return found;
}
