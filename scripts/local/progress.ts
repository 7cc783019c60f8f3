import { MultiBar, type SingleBar } from 'cli-progress';

const SHOW_AFTER_MS = 2_000;
const LINE_EVERY_MS = 5_000;
const BAR_WIDTH = 24;

export type Say = (line: string) => void;

export interface Progress {
  /** Prints a line without tearing a bar that is being drawn. */
  say: Say;
  /** Runs `work`; once it has taken two seconds, shows that it is still going on. */
  track<T>(label: string, work: () => Promise<T>, options?: TrackOptions): Promise<T>;
}

export interface TrackOptions {
  /** How long it usually takes: with it the bar fills, without it only the time runs. */
  expectedSeconds?: number;
}

/** A bar per task on a terminal, a plain line every few seconds anywhere else (CI, a log file). */
export function createProgress(stream: NodeJS.WriteStream = process.stdout): Progress {
  const display = stream.isTTY ? new BarDisplay(stream) : new LineDisplay((line) => void stream.write(`${line}\n`));

  return {
    say: (line) => display.say(line),
    async track(label, work, { expectedSeconds } = {}) {
      const startedAt = Date.now();
      let task: Task | undefined;
      const timer = setTimeout(() => {
        task = display.add(label, startedAt, expectedSeconds);
      }, SHOW_AFTER_MS);
      try {
        const result = await work();
        task?.end();
        if (task) display.say(`${label}: done in ${seconds(startedAt)}`);
        return result;
      } catch (error) {
        task?.end();
        throw error;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

interface Task {
  end(): void;
}

interface Display {
  say(line: string): void;
  add(label: string, startedAt: number, expectedSeconds?: number): Task;
}

class LineDisplay implements Display {
  constructor(readonly say: Say) {}

  add(label: string, startedAt: number, expectedSeconds?: number): Task {
    const usually = expectedSeconds ? `, usually ${duration(expectedSeconds)}` : '';
    this.say(`${label} …${usually}`);
    const timer = setInterval(() => this.say(`${label} … ${seconds(startedAt)}`), LINE_EVERY_MS);
    return { end: () => clearInterval(timer) };
  }
}

class BarDisplay implements Display {
  private bars: MultiBar | null = null;
  private running = 0;

  constructor(private readonly stream: NodeJS.WriteStream) {}

  say(line: string): void {
    if (this.bars) {
      this.bars.log(`${line}\n`);
      // Without it the line waits for the next frame, which may never come.
      this.bars.update();
    } else this.stream.write(`${line}\n`);
  }

  add(label: string, startedAt: number, expectedSeconds?: number): Task {
    this.bars ??= new MultiBar({
      stream: this.stream,
      clearOnComplete: true,
      hideCursor: true,
      // The orderly stop is start.ts's: cli-progress would end the process on SIGINT by itself.
      gracefulExit: false,
      format: (_options, params, payload: BarPayload) =>
        `${payload.endless ? movingBar(payload.startedAt) : filledBar(params.progress)}  ${payload.label}  ${seconds(payload.startedAt)}`,
    });
    this.running++;
    const bar: SingleBar = this.bars.create(1, 0, { label, startedAt, endless: !expectedSeconds });
    const timer = setInterval(() => {
      // Never full before it is done.
      const share = expectedSeconds ? Math.min(0.95, (Date.now() - startedAt) / 1000 / expectedSeconds) : 0;
      bar.update(share);
    }, 250);
    return {
      end: () => {
        clearInterval(timer);
        this.bars?.remove(bar);
        this.running--;
        if (this.running === 0) {
          this.bars?.stop();
          this.bars = null;
        }
      },
    };
  }
}

interface BarPayload {
  label: string;
  startedAt: number;
  /** How long it takes is not known: something moves, but nothing fills. */
  endless: boolean;
}

function filledBar(share: number): string {
  const filled = Math.round(share * BAR_WIDTH);
  return '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
}

function movingBar(startedAt: number): string {
  const block = 5;
  const turn = 2 * (BAR_WIDTH - block);
  const step = Math.floor((Date.now() - startedAt) / 100) % turn;
  const at = Math.min(step, turn - step);
  return '░'.repeat(at) + '█'.repeat(block) + '░'.repeat(BAR_WIDTH - block - at);
}

function seconds(startedAt: number): string {
  return duration(Math.round((Date.now() - startedAt) / 1000));
}

function duration(total: number): string {
  return total < 120 ? `${total} s` : `${Math.floor(total / 60)} min ${total % 60} s`;
}
