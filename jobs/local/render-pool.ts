import type { ChildProcess } from 'node:child_process';
import { HostGate } from '../../src/host-gate.ts';
import { forkRenderProcess, sendTo } from './fork-render-process.ts';
import type { MetatileResult } from '../metatile-result.ts';
import type { ScheduledMetatile } from './metatile-schedule.ts';
import { ProcessWatch, describeLoss } from './process-watch.ts';
import type { LossCause } from './process-watch.ts';
import { ALIVE_INTERVAL_MS } from './render-channel.ts';
import type { FromRenderProcess, ToRenderProcess } from './render-channel.ts';
import type { Failure } from '../retry.ts';

/** The next metatile's reads overlap this one's rendering; a third would only cost memory. */
const METATILES_PER_PROCESS = 2;

/** A process that dies before it is ready, this often in a row, will not come up at all. */
const MAX_START_FAILURES = 3;

export interface RenderPoolOptions {
  readonly processes: number;
  /** Gives a process that runs already, the first time; null = there is none. */
  readonly takeFirst: () => ChildProcess | null;
  readonly open: Extract<ToRenderProcess, { kind: 'open' }>;
  /** The first process is ready. Called once. */
  readonly onReady: () => void;
  /**
   * Asked for work whenever a process has room; null = none now, `wake` says when there is. A process that takes the place
   * of a dead one has its slot.
   */
  readonly next: (idle: boolean, slot: number) => ScheduledMetatile | null;
  readonly onResult: (result: MetatileResult) => void;
  readonly onError: (index: number, failure: Failure) => void;
  /** The process that rendered it is dead. */
  readonly onLost: (index: number, cause: LossCause) => void;
  /** A process was killed, or is replaced, for what it did. */
  readonly onNote: (text: string) => void;
  /** No process can be used: the configuration or the request is at fault. */
  readonly onFatal: (failure: Failure) => void;
}

interface Member {
  readonly slot: number;
  readonly child: ChildProcess;
  readonly out: Set<number>;
  ready: boolean;
  alone: boolean;
  /** It has rendered something: memory that it holds from its start on would be held by its successor too. */
  hasWorked: boolean;
  /** It gets nothing more, and ends. */
  retiring: boolean;
  /** What it was killed for. */
  killedFor: LossCause | null;
}

/** A process that is to end has this long to close what it has open. */
const RETIRE_GRACE_MS = 2_000;

/**
 * The processes of a local run, fed by messages with at most two metatiles each. A process that dies is replaced, and
 * its metatiles are reported lost; one that gives no sign of life, or holds far too much memory, is killed; one that holds
 * too much ends once it is idle, and is replaced.
 *
 * States: starting → open (`open`: feeding) → stopping (`stop`: nothing more is handed out, what is out is finished) → closed (`close`:
 * the processes are gone). The processes have a process group of their own, so that Ctrl-C in a terminal reaches the
 * parent alone; when the parent dies, their channel closes and they exit.
 */
export class RenderPool {
  private readonly options: RenderPoolOptions;
  private readonly members = new Set<Member>();
  private state: 'starting' | 'open' | 'stopping' | 'closed' = 'starting';
  /** `onReady` was called: what it begins takes a while, and must not begin again when the next process is ready. */
  private announced = false;
  private startFailures = 0;
  /** Remembers which hosts are closed, for processes that start later. */
  private readonly gate = new HostGate();
  private readonly watch: ProcessWatch<Member>;
  private watchTimer: NodeJS.Timeout | null = null;

  constructor(options: RenderPoolOptions) {
    this.options = options;
    this.watch = new ProcessWatch(options.open.config);
  }

  /** Metatiles handed out and not answered yet. */
  get out(): number {
    let out = 0;
    for (const member of this.members) out += member.out.size;
    return out;
  }

  start(): void {
    for (let n = 0; n < this.options.processes; n++) this.spawn(n);
    this.watchTimer = setInterval(() => {
      for (const member of this.watch.look()) this.kill(member, 'hung');
    }, ALIVE_INTERVAL_MS);
  }

  open(): void {
    if (this.state === 'starting') this.state = 'open';
    this.wake();
  }

  /** Gives work to every process that has room, the emptiest first. */
  wake(): void {
    if (this.state !== 'open') return;
    for (let room = 0; room < METATILES_PER_PROCESS; room++) {
      for (const member of this.members) this.feed(member, room);
    }
  }

  stop(): void {
    if (this.state !== 'closed') this.state = 'stopping';
  }

  /** Ends all processes: those that are idle by themselves, after `graceMs` the others by SIGKILL. */
  async close(graceMs: number): Promise<void> {
    this.state = 'closed';
    if (this.watchTimer !== null) clearInterval(this.watchTimer);
    await Promise.all([...this.members].map(({ child }) => endChild(child, graceMs)));
    this.members.clear();
  }

  private spawn(slot: number): void {
    const child = this.options.takeFirst() ?? forkRenderProcess();
    const fresh = { ready: false, alone: false, hasWorked: false, retiring: false, killedFor: null };
    const member: Member = { slot, child, out: new Set(), ...fresh };
    this.members.add(member);
    this.watch.started(member);
    child.on('message', (message) => this.receive(member, message as FromRenderProcess));
    child.once('exit', (code, signal) => this.replace(member, signal ?? `exit code ${code}`));
    sendTo(child, this.options.open);
    for (const closing of this.gate.closings()) sendTo(child, { kind: 'hostClosed', closing });
  }

  private feed(member: Member, room: number): void {
    if (!member.ready || member.retiring || member.alone || member.out.size > room) return;
    const metatile = this.options.next(member.out.size === 0, member.slot);
    if (metatile === null) return;
    member.out.add(metatile.index);
    member.alone = metatile.alone;
    sendTo(member.child, { kind: 'metatile', index: metatile.index });
  }

  private receive(member: Member, message: FromRenderProcess): void {
    // Its end was seen first, and what it had in hand is done again: counted now, it would be counted twice.
    if (!this.members.has(member)) return;
    this.watch.heard(member, message.kind === 'alive' ? message.rssBytes : undefined);
    switch (message.kind) {
      case 'alive':
        this.checkMemory(member);
        return;
      case 'ready':
        member.ready = true;
        this.startFailures = 0;
        if (!this.announced) {
          this.announced = true;
          this.options.onReady();
        }
        break;
      case 'reach':
        // An answer from before the process was a member.
        break;
      case 'hostClosed':
        this.gate.close(message.closing);
        for (const other of this.members) if (other !== member) sendTo(other.child, message);
        break;
      case 'fatal':
        this.options.onFatal(message.failure);
        break;
      case 'result':
        this.release(member, message.result.index);
        this.options.onResult(message.result);
        break;
      case 'error':
        this.release(member, message.index);
        this.options.onError(message.index, message.failure);
        break;
    }
    this.wake();
  }

  private release(member: Member, index: number): void {
    member.out.delete(index);
    member.alone = false;
    member.hasWorked = true;
    if (member.retiring) this.endIfIdle(member);
  }

  private checkMemory(member: Member): void {
    const verdict = this.watch.memoryVerdict(member);
    if (verdict === 'outgrew' && member.out.size > 0) this.kill(member, verdict);
    else if (verdict !== 'fine' && member.hasWorked && !member.retiring && this.state === 'open') {
      member.retiring = true;
      this.options.onNote(`replacing process ${member.child.pid}: it holds more than TILEWRIGHT_MAX_RSS_MIB allows`);
      this.endIfIdle(member);
    }
  }

  private endIfIdle({ child, out }: Member): void {
    if (out.size === 0) void endChild(child, RETIRE_GRACE_MS);
  }

  private kill(member: Member, cause: LossCause): void {
    if (member.killedFor !== null) return;
    member.killedFor = cause;
    this.options.onNote(`process ${member.child.pid} ${describeLoss(cause, this.options.open.config)}`);
    member.child.kill('SIGKILL');
  }

  private replace(member: Member, cause: string): void {
    this.members.delete(member);
    this.watch.gone(member);
    if (this.state === 'closed') return;
    if (!member.ready && ++this.startFailures >= MAX_START_FAILURES) {
      const message = `Starting a render process: it ended ${this.startFailures} times before it was ready (${cause})`;
      this.options.onFatal({ code: 'WORKER_LOST', message, retryAfterMs: null });
      return;
    }
    for (const index of member.out) this.options.onLost(index, member.killedFor ?? 'died');
    if (this.state !== 'stopping') this.spawn(member.slot);
    this.wake();
  }
}

/** Closes the channel, which ends an idle process, and waits for its exit. */
async function endChild(child: ChildProcess, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    sendTo(child, { kind: 'close' });
  });
}
