import { createServer } from 'node:net';

export interface WantedPort {
  port: number;
  /** The environment variable that changes it. */
  setting: string;
}

/** One sentence per port that cannot be listened on, so that the user can put all of them right at once. */
export async function portProblems(wanted: readonly WantedPort[]): Promise<string[]> {
  const problems: string[] = [];
  const takenBy = new Map<number, string>();
  for (const { port, setting } of wanted) {
    const other = takenBy.get(port);
    if (other) {
      problems.push(`Port ${port} is asked for by both ${other} and ${setting}. Set one of them to another port.`);
      continue;
    }
    takenBy.set(port, setting);
    const code = await whyNotFree(port);
    if (code === 'EACCES') {
      problems.push(`Port ${port} (${setting}) may not be used by this user. Set ${setting} to a port above 1023.`);
    } else if (code) {
      problems.push(`Port ${port} (${setting}) is already in use. Stop what uses it or set ${setting} to a free port.`);
    }
  }
  return problems;
}

/** Both families: the printed addresses say localhost, which may lead to either. */
async function whyNotFree(port: number): Promise<string | null> {
  for (const host of ['127.0.0.1', '::']) {
    const code = await tryToListen(port, host);
    // A machine without IPv6 says EAFNOSUPPORT or EADDRNOTAVAIL: that is not about the port.
    if (code === 'EADDRINUSE' || code === 'EACCES') return code;
  }
  return null;
}

function tryToListen(port: number, host: string): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'UNKNOWN'));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

/** A port that is free at this moment, for tests. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
