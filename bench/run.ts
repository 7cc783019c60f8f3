import { cpus, totalmem } from 'node:os';
import { decisions } from './decisions';
import { history } from './history';
import { latency } from './latency';
import { pages } from './pages';
import { rendering } from './rendering';
import { seats } from './seats';
import { sending } from './sending';
import { signIns } from './sign-ins';
import { setStage } from './stage';
import { throughput } from './throughput';
import { timing } from './timing';
import { users } from './users';

const benches = {
  ...{ history, throughput, latency, rendering, sending, timing },
  ...{ 'sign-ins': signIns, decisions, seats, users, pages },
};

/** `npm run bench -- <name> …`: without a name, all of them. */
async function main(): Promise<void> {
  const names = process.argv.slice(2);
  const unknown = names.filter((name) => !(name in benches));
  if (unknown.length > 0)
    throw new Error(`There is no benchmark ${unknown.join(', ')}: ${Object.keys(benches).join(', ')}.`);
  const stage = await setStage();
  try {
    for (const [name, run] of Object.entries(benches)) {
      if (names.length > 0 && !names.includes(name)) continue;
      console.log(
        `\n${name} (${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node.js ${process.version})`,
      );
      console.log(JSON.stringify(await run(stage), null, 2));
    }
  } finally {
    await stage.stop();
  }
}

main().then(
  () => process.exit(0),
  (error: Error) => {
    console.error(error.message);
    process.exit(1);
  },
);
