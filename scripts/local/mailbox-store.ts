import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { simpleParser, type AddressObject, type ParsedMail } from 'mailparser';

const KEPT = 5_000;
const SNIPPET_LENGTH = 250;
const ID = /^\d{15}-\d{6}-[0-9a-f]{8}$/;

export interface Address {
  Name: string;
  Address: string;
}

/** In the words of Mailpit's API, so that its clients can read this mailbox too. */
export interface MailSummary {
  ID: string;
  MessageID: string;
  From: Address;
  To: Address[];
  Cc: Address[];
  Bcc: Address[];
  ReplyTo: Address[];
  Subject: string;
  Created: string;
  Size: number;
  Attachments: number;
  Snippet: string;
}

/** Mails as files, one each. What `add` has returned for is on the disk and stays there over a restart. */
export class MailboxStore {
  /** Ids sort by arrival. */
  private ids: string[] = [];
  private readonly summaries = new Map<string, Promise<MailSummary>>();
  private sequence = 0;

  constructor(private readonly dir: string) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(dir)) {
      if (name.endsWith('.eml') && ID.test(name.slice(0, -4))) this.ids.push(name.slice(0, -4));
      // Of a run that was killed while it was writing: the sender was never told 250.
      else if (name.endsWith('.part')) rmSync(join(dir, name), { force: true });
    }
    this.ids.sort();
  }

  get total(): number {
    return this.ids.length;
  }

  get newestId(): string | undefined {
    return this.ids.at(-1);
  }

  has(id: string): boolean {
    return ID.test(id) && this.ids.includes(id);
  }

  /** Returns after the mail is safely on the disk. */
  async add(raw: Buffer): Promise<string> {
    const id = this.nextId();
    const temporary = join(this.dir, `${id}.part`);
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(raw);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.fileOf(id));
    await this.syncFolder();
    this.ids.push(id);
    // Two that arrived together may finish in the other order.
    if (this.ids.length > 1 && id < this.ids[this.ids.length - 2]!) this.ids.sort();
    while (this.ids.length > KEPT) await this.remove([this.ids[0]!]);
    return id;
  }

  /** Newest first. */
  async list(start: number, limit: number): Promise<MailSummary[]> {
    const page = this.ids.toReversed().slice(start, start + limit);
    return (await Promise.all(page.map((id) => this.summary(id)))).filter((summary) => summary !== null);
  }

  /** Newest first, every mail that `matches`. */
  async search(matches: (summary: MailSummary) => boolean): Promise<MailSummary[]> {
    return (await this.list(0, KEPT)).filter(matches);
  }

  async summary(id: string): Promise<MailSummary | null> {
    let summary = this.summaries.get(id);
    if (!summary) {
      summary = this.parse(id).then(({ mail, size }) => summarize(id, mail, size));
      this.summaries.set(id, summary);
    }
    try {
      return await summary;
    } catch (error) {
      this.summaries.delete(id);
      // Deleted while we were reading it.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  async parsed(id: string): Promise<ParsedMail> {
    return (await this.parse(id)).mail;
  }

  raw(id: string): Promise<Buffer> {
    return readFile(this.fileOf(id));
  }

  async remove(ids: readonly string[]): Promise<void> {
    const gone = new Set(ids);
    this.ids = this.ids.filter((id) => !gone.has(id));
    for (const id of gone) {
      this.summaries.delete(id);
      await rm(this.fileOf(id), { force: true });
    }
  }

  removeAll(): Promise<void> {
    return this.remove([...this.ids]);
  }

  private async parse(id: string): Promise<{ mail: ParsedMail; size: number }> {
    const raw = await this.raw(id);
    return { mail: await simpleParser(raw), size: raw.length };
  }

  private nextId(): string {
    this.sequence = (this.sequence + 1) % 1_000_000;
    const time = String(Date.now()).padStart(15, '0');
    return `${time}-${String(this.sequence).padStart(6, '0')}-${randomBytes(4).toString('hex')}`;
  }

  private fileOf(id: string): string {
    return join(this.dir, `${id}.eml`);
  }

  /** Without it the name may be lost with the power although the content is not. */
  private async syncFolder(): Promise<void> {
    if (process.platform === 'win32') return;
    const folder = await open(this.dir, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

function summarize(id: string, mail: ParsedMail, size: number): MailSummary {
  return {
    ID: id,
    MessageID: (mail.messageId ?? '').replace(/^<|>$/g, ''),
    From: addresses(mail.from)[0] ?? { Name: '', Address: '' },
    To: addresses(mail.to),
    Cc: addresses(mail.cc),
    Bcc: addresses(mail.bcc),
    ReplyTo: addresses(mail.replyTo),
    Subject: mail.subject ?? '',
    Created: new Date(Number(id.slice(0, 15))).toISOString(),
    Size: size,
    Attachments: mail.attachments.length,
    Snippet: (mail.text ?? '').replace(/\s+/g, ' ').trim().slice(0, SNIPPET_LENGTH),
  };
}

function addresses(field: AddressObject | AddressObject[] | undefined): Address[] {
  return [field ?? []]
    .flat()
    .flatMap(({ value }) => value.flatMap((entry) => entry.group ?? [entry]))
    .map(({ name, address }) => ({ Name: name ?? '', Address: address ?? '' }));
}
