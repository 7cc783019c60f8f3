import { readFileSync } from 'node:fs';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { findChromium } from '../../scripts/local/chromium';
import type { TestUsher } from './usher';

export interface TestBrowser {
  /** A fresh person: no cookies yet. Whatever their pages complain about is kept in `complaints`. */
  person(options?: BrowserContextOptions): Promise<Page>;
  /** Console errors, exceptions, CSP violations and failed requests of all pages so far. */
  complaints: string[];
  close(): Promise<void>;
}

/** A real browser for which the public address of this Usher leads to it, so that links are opened as they were mailed. */
export async function launchBrowser(usher: TestUsher): Promise<TestBrowser> {
  const { host } = new URL(usher.url);
  const { hostname } = new URL(usher.env['USHER_BASE_URL'] ?? '');
  const browser: Browser = await chromium.launch({
    executablePath: findChromium(),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-features=HttpsUpgrades',
      '--no-proxy-server',
      `--host-resolver-rules=MAP ${hostname} ${host}`,
    ],
  });
  const complaints: string[] = [];
  let opened: { context: BrowserContext; test: string | undefined }[] = [];
  return {
    complaints,
    async person(options = {}) {
      // Pages of tests that are over would go on listening and drawing.
      const test = expect.getState().currentTestName;
      const over = opened.filter((one) => one.test !== undefined && one.test !== test);
      await Promise.all(over.map(({ context }) => context.close()));
      const context = await browser.newContext({ locale: 'en-GB', ...options });
      opened = [...opened.filter((one) => !over.includes(one)), { context, test }];
      context.setDefaultTimeout(30_000);
      const page = await context.newPage();
      page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
      page.on('requestfailed', (request) => {
        const why = request.failure()?.errorText;
        // What a page still loads when one goes on to the next is given up.
        if (why !== 'net::ERR_ABORTED') complaints.push(`failed: ${request.url()} ${why}`);
      });
      page.on('console', (message) => {
        // That a page itself came with 4xx is said there, too; its tests know.
        const ofPage = message.location().url === page.url() && /status of 4\d\d/.test(message.text());
        if (['error', 'warning'].includes(message.type()) && !ofPage) complaints.push(`console: ${message.text()}`);
      });
      return page;
    },
    close: () => browser.close(),
  };
}

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

interface AxeResults {
  violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
}

/** What axe-core finds serious or critical on a page, one line each. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  // A frame that may run nothing cannot be looked into, and complains of the attempt.
  const { violations } = await page.evaluate<AxeResults>(
    'axe.run(document, { iframes: false, resultTypes: ["violations"] })',
  );
  return violations
    .filter(({ impact }) => ['serious', 'critical'].includes(impact))
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
}
