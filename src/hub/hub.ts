// The hub's control: runs on the main thread, starts the engine threads, judges handshakes against the store, and keeps what the owner
// sees and does. Never touches a byte of a stream. What the owner reaches it by stands around it (boot/).

import { availableParallelism, networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { LogThrottle } from '../base/logThrottle.ts';
import { UserError } from '../base/userError.ts';
import { version } from '../base/version.ts';
import type { EngineThread } from '../engine/engineThread.ts';
import type { FromEngine, Io, ListenerName } from '../engine/messages.ts';
import { ENGINE, ROUTING } from '../limits/bounds.ts';
import type { Fleet } from '../model/fleet.ts';
import { formatLink } from '../model/pairingLink.ts';
import { loadOrCreateKey } from '../noise/keyFile.ts';
import type { KeyPair } from '../noise/keyPair.ts';
import { mac1Key } from '../noise/mac1.ts';
import { CAPABILITY } from '../noise/payload.ts';
import { epollAvailable } from '../reactor/create.ts';
import { codeOfErrno } from '../reactor/errno.ts';
import type { ConnId } from '../reactor/reactor.ts';
import { makeSlots, SessionSlots } from '../ring/slots.ts';
import type { CompiledRules } from '../routing/rules.ts';
import { makeOwnUser, type OwnUser, ProxyUsers } from './access/proxyUsers.ts';
import type { RulesFile } from './access/rulesFile.ts';
import { FleetKeeper } from './fleet/fleetKeeper.ts';
import { parseNodeStatus } from './fleet/nodeStatus.ts';
import { OwnerFleet } from './fleet/ownerFleet.ts';
import type { HubOptions } from './hubOptions.ts';
import { choosePublicHost } from './serve/publicHost.ts';
import { makeWayForSocket, removeSocket } from './serve/socksSocket.ts';
import { Admission, wipeKeys } from './sessions/admission.ts';
import { type HubSession, Sessions } from './sessions/sessionTable.ts';
import { StickySessionsFile } from './sticky/stickySessionsFile.ts';
import { hubKeyPath } from './store/hubSettings.ts';
import { Store } from './store/store.ts';
import { chooseEngine } from './threads/engineChoice.ts';
import { startHubThreads } from './threads/hubThreads.ts';

/** A port that could not be bound, as node:net tells it, with the listener's name. */
class BindError extends Error {
  readonly code: string;
  readonly port: number;
  readonly role: ListenerName;

  constructor(role: ListenerName, port: number, errno: number) {
    super(`cannot bind the ${role} port ${port}`);
    this.code = codeOfErrno(errno);
    this.port = port;
    this.role = role;
  }
}

export class Hub {
  /** "host:port" as really bound; the dashboard's is written in by whoever serves one. */
  readonly addresses = { tunnel: '', socks: '', http: '', dashboard: '' };
  /** base64url. */
  readonly publicKey: string;
  /** What the owner sees and does. */
  readonly fleet: Fleet;
  readonly ownUser: OwnUser = makeOwnUser();
  /** Resolves when an engine thread has ended by itself. */
  readonly failed: Promise<Error>;
  readonly #options: HubOptions;
  readonly #log: HubOptions['log'];
  readonly #keyPair: KeyPair;
  readonly #store: Store;
  readonly #keeper: FleetKeeper;
  readonly #admission: Admission;
  readonly #io: Io;
  readonly #workerCount: number;
  readonly #sessions: Sessions;
  readonly #slots;
  readonly #sessionSlots: SessionSlots;
  readonly #shortages = new LogThrottle(performance.now());
  readonly #vainRotations = new LogThrottle(performance.now());
  readonly #listening = new Map<
    ListenerName,
    { resolve: (address: string) => void; reject: (error: Error) => void }
  >();
  readonly #proxyUsers: ProxyUsers;
  readonly #stickyFile: StickySessionsFile | null;
  #rulesFile: RulesFile | null = null;
  #rules: CompiledRules | null = null;
  #front: EngineThread | null = null;
  #workers: EngineThread[] = [];
  /** The Unix socket that is ours to remove. */
  #socksSocket: string | null = null;
  #stopping = false;
  #hurry: () => void = () => {};
  #fail: (error: Error) => void = () => {};

  /** Opens the store. Throws UserError. */
  constructor(options: HubOptions) {
    this.#options = options;
    this.#log = options.log;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
    const machine = { hasEpoll: epollAvailable(), cores: availableParallelism() };
    const { io, workers } = chooseEngine(options, machine);
    this.#io = io;
    this.#workerCount = workers;
    this.#keyPair = loadOrCreateKey(hubKeyPath(options.dataDir));
    this.publicKey = Buffer.from(this.#keyPair.publicKey).toString('base64url');
    this.#store = new Store(options.dataDir);
    this.#sessions = new Sessions(Math.max(1, this.#workerCount));
    this.#slots = makeSlots(1 + this.#workerCount);
    this.#sessionSlots = new SessionSlots(this.#slots);
    this.#keeper = new FleetKeeper({
      store: this.#store,
      sessions: this.#sessions,
      slots: this.#slots,
      threads: 1 + this.#workerCount,
      log: this.#log,
      showTargets: options.showTargets,
      proxyHeaders: options.proxyHeaders,
      linkOf: (token) => this.#linkOf(token),
      toFront: (message) => this.#front?.post(message),
      toWorker: (worker, message) => this.#workers[worker]?.post(message),
      cut: (session, reason) => this.#cut(session, reason),
    });
    this.fleet = new OwnerFleet(this.#keeper, {
      version: version(),
      addresses: this.addresses,
      publicKey: this.publicKey,
      io: this.#io,
      workers: this.#workerCount,
    });
    this.#admission = new Admission({
      keyPair: this.#keyPair,
      store: this.#store,
      sessions: this.#sessions,
      slots: this.#sessionSlots,
      log: this.#log,
      listener: this.#keeper,
    });
    this.#proxyUsers = new ProxyUsers({
      users: this.#store.users,
      own: this.ownUser,
      binds: [
        ['--socks', options.socks],
        ['--http', options.http],
      ],
      toFront: (message) => this.#front?.post(message),
      log: this.#log,
    });
    this.#stickyFile = options.persistSessions
      ? new StickySessionsFile(options.dataDir, this.#keeper.stickySessions, this.#log)
      : null;
  }

  // --- Start -----------------------------------------------------------------------------------------------------------------------

  /** Everything that can be wrong with the options is found before anything is started. Throws UserError. */
  async prepare(): Promise<void> {
    this.#proxyUsers.checkBinds();
    if (this.#options.rules !== null) await this.#readRules(this.#options.rules);
  }

  /** With the data directory's lock in hand. Throws UserError, or a bind error with code, port and role. */
  async start(): Promise<void> {
    const { tunnel, socks, socksSocket, http } = this.#options;
    this.#keeper.start(version());
    await this.#startThreads();
    this.addresses.tunnel = await this.#listen('tunnel', tunnel);
    this.addresses.socks = await this.#listen('socks', socks);
    this.addresses.http = await this.#listen('http', http);
    if (socksSocket !== null) await this.#listenOnSocket(socksSocket);
  }

  async #startThreads(): Promise<void> {
    const { askUser, proxyHeaders, showTargets } = this.#options;
    await startHubThreads({
      io: this.#io,
      slots: this.#slots,
      proxy: { askUser, proxyHeaders, showTargets },
      workers: this.#workerCount,
      mac1Key: mac1Key(this.#keyPair.publicKey),
      hear: (message) => this.#hear(message),
      started: (thread, role) => {
        this.#adopt(thread);
        if (role === 'front') this.#front = thread;
        else this.#workers.push(thread);
      },
    });
    // Before it listens: no request goes by the users or the rules.
    this.#proxyUsers.start();
    this.#stickyFile?.start(Date.now());
    if (this.#rules !== null) this.#front!.post({ type: 'rules', rules: this.#rules });
    if (this.#workerCount === 0) this.#workers = [this.#front!];
  }

  /** What reads them is loaded only by hubs that have some. */
  async #readRules(path: string): Promise<void> {
    const { RulesFile } = await import('./access/rulesFile.ts');
    this.#rulesFile = new RulesFile({
      path,
      log: this.#log,
      onRules: (compiled) => this.#adoptRules(compiled),
      tell: (kind, text) => this.#keeper.note({ kind, text }),
    });
    this.#rulesFile.start();
  }

  #adoptRules(rules: CompiledRules): void {
    this.#rules = rules;
    this.#front?.post({ type: 'rules', rules });
  }

  /** Reads the rules file again; a bad one changes nothing. */
  reload(): void {
    if (this.#stopping) return;
    if (this.#rulesFile === null) this.#log.info('SIGHUP: there is no rules file to read again');
    else this.#rulesFile.reload();
  }

  /** An engine thread that ends by itself ends the hub: whoever started it starts it again. */
  #adopt(thread: EngineThread): void {
    void thread.ended.then((error) => {
      if (error !== null) this.#fail(error);
    });
  }

  #portOf(name: ListenerName): number {
    return name === 'socksSocket' ? 0 : this.#options[name].port;
  }

  async #listenOnSocket(path: string): Promise<void> {
    await makeWayForSocket(path);
    try {
      await this.#listen('socksSocket', { host: path, port: 0 });
    } catch (error) {
      throw new UserError(`--socks-socket ${path}: cannot listen there (${(error as BindError).code})`);
    }
    this.#socksSocket = path;
  }

  #listen(name: ListenerName, bind: { host: string; port: number }): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#listening.set(name, { resolve, reject });
      this.#front!.post({ type: 'listen', name, bind });
    });
  }

  // --- Messages of the engine --------------------------------------------------------------------------------------------------------

  #hear(message: FromEngine): void {
    switch (message.type) {
      case 'listening': {
        const host = message.address.includes(':') ? `[${message.address}]` : message.address;
        this.#listening.get(message.name)?.resolve(`${host}:${message.port}`);
        return;
      }
      case 'listenFailed':
        this.#listening
          .get(message.name)
          ?.reject(new BindError(message.name, this.#portOf(message.name), message.errno));
        return;
      case 'rotationWanted':
        this.fleet.rotate(message.nodeId).catch((error: Error) => {
          const line = this.#vainRotations.line(performance.now());
          if (line === null) return;
          const facts = { node: message.nodeId, why: error.message, ...line };
          this.#log.info(facts, 'a client wanted a new address in vain');
        });
        return;
      case 'stickySessions':
        this.#keeper.stickySessions.hear(message);
        return;
      case 'authenticate':
        void this.#proxyUsers.answer(message);
        return;
      case 'handshake':
        void this.#judge(message.conn, message.message1, message.remoteAddress);
        return;
      case 'routed': {
        const session = this.#sessions.find(message.index, message.number);
        if (session !== null) this.#workers[session.worker]!.post({ ...message, type: 'greet' });
        return;
      }
      case 'tunnelUp':
        this.#tunnelUp(message.index, message.number);
        return;
      case 'tunnelDown':
        this.#tunnelDown(message.index, message.number, message.reason);
        return;
      case 'status':
        this.#status(message.index, message.number, message.json);
        return;
      case 'goAway':
        this.#goAway(message.index, message.number);
        return;
      case 'streams':
        this.#keeper.lists.hear(message);
        return;
      case 'outOfDescriptors': {
        const line = this.#shortages.line(performance.now());
        if (line === null) return;
        const what = message.accepting ? 'few file descriptors are left: clients are refused' : NO_DESCRIPTOR;
        const text = `${what}; raise the limit with ulimit -n`;
        this.#log.warn({ port: message.name, ...line }, text);
        this.#keeper.note({ kind: 'warning', text });
        return;
      }
      case 'fault':
        this.#log.error({ error: message.error }, FAULT);
        this.#keeper.note({ kind: 'warning', text: FAULT });
        return;
    }
  }

  /** A first message with a good mac1: everything but a paired device's gets silence. */
  async #judge(conn: ConnId, message1: Uint8Array, remoteAddress: string): Promise<void> {
    const accepted = await this.#admission.admit(message1, remoteAddress);
    if (!this.#stopping) this.#front!.post({ type: 'verdict', conn, accepted });
    if (accepted !== null) wipeKeys(accepted);
  }

  #tunnelUp(index: number, number: number): void {
    const session = this.#sessions.find(index, number);
    if (session === null) return;
    if (session.revoked) {
      this.#cut(session, 'the node was revoked');
      return;
    }
    session.up = true;
    const { worker, nodeId, lane, address, capabilities } = session;
    const speaksUdp = (capabilities & CAPABILITY.udp) !== 0;
    this.#keeper.connected(session);
    this.#front!.post({ type: 'route', index, number, worker, nodeId, speaksUdp });
    this.#log.info({ node: nodeId, lane, from: address }, 'node connected');
    for (const old of this.#sessions.replacedBy(session))
      this.#cut(old, 'a newer session of the same node took its place');
  }

  #tunnelDown(index: number, number: number, reason: string): void {
    const session = this.#sessions.find(index, number);
    if (session === null) return;
    this.#front?.post({ type: 'unroute', index, number });
    this.#sessions.remove(session, performance.now());
    if (!session.up) return;
    this.#log.info({ node: session.nodeId, lane: session.lane, reason }, 'node disconnected');
    const nowMs = Date.now();
    this.#keeper.disconnected(session, reason, nowMs);
    try {
      this.#store.markSeen(session.nodeId, nowMs);
      this.#admission.tellOfStore();
    } catch (error) {
      this.#log.warn({ err: error }, 'when the node was last seen could not be stored');
    }
  }

  #status(index: number, number: number, json: string): void {
    const session = this.#sessions.find(index, number);
    if (session === null) return;
    const status = parseNodeStatus(json);
    if (status === null) this.#log.debug({ node: session.nodeId }, 'a STATUS is not JSON');
    else this.#keeper.heardStatus(session, status);
  }

  #goAway(index: number, number: number): void {
    const session = this.#sessions.find(index, number);
    if (session === null) return;
    session.draining = true;
    this.#keeper.touch(session.nodeId);
    this.#front!.post({ type: 'unroute', index, number });
  }

  #cut(session: HubSession, reason: string): void {
    this.#workers[session.worker]!.post({
      type: 'cut',
      index: session.index,
      number: session.number,
      reason,
    });
  }

  #linkOf(token: Uint8Array): string {
    const { tunnel, publicHost } = this.#options;
    const { host } = choosePublicHost(publicHost, null, tunnel.host, networkInterfaces());
    const port = Number(this.addresses.tunnel.slice(this.addresses.tunnel.lastIndexOf(':') + 1));
    return formatLink({ host, port, hubPublicKey: this.#keyPair.publicKey, token });
  }

  // --- For whoever watches over us ------------------------------------------------------------------------------------------------------

  /** Resolves once every engine thread has answered: never, while one of them hangs. */
  async alive(): Promise<void> {
    await Promise.all([...new Set([this.#front!, ...this.#workers])].map((thread) => thread.alive()));
  }

  /** How it goes, in a few words. */
  summary(): string {
    const up = [...this.#sessions.all()].filter((session) => session.up);
    const nodes = new Set(up.map(({ nodeId }) => nodeId)).size;
    return `${nodes} ${nodes === 1 ? 'node' : 'nodes'} connected, ${this.#openStreams()} streams`;
  }

  #openStreams(): number {
    let streams = 0;
    for (const { index } of this.#sessions.all()) streams += this.#sessionSlots.load(index);
    return streams;
  }

  // --- Stop ------------------------------------------------------------------------------------------------------------------------------

  /** GOAWAY, then waits for streams up to drainMs, or until hurry() is called. */
  async drain(): Promise<void> {
    this.#stopping = true;
    const hurried = new Promise<void>((resolve) => {
      this.#hurry = resolve;
    });
    await Promise.race([
      hurried,
      delay(ENGINE.drainMs, undefined, KEEPS_NOTHING_ALIVE),
      this.#drainThreads(),
    ]);
    await Promise.race([
      this.#stickyFile?.save(),
      this.#front!.ended,
      delay(ROUTING.stickySessionsLastSaveMs, undefined, KEEPS_NOTHING_ALIVE),
    ]);
  }

  hurry(): void {
    this.#hurry();
  }

  /** The front first: what it has handed over is the workers' to finish. */
  async #drainThreads(): Promise<void> {
    await this.#front!.drain();
    await Promise.all(
      this.#workers.filter((worker) => worker !== this.#front).map((worker) => worker.drain()),
    );
  }

  /** Also the way out of a start that failed half-way. Afterwards nothing is written any more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#rulesFile?.close();
    this.#stickyFile?.close();
    this.#keeper.stickySessions.close();
    // The front first: it hands descriptors to the others.
    await this.#front?.stop();
    if (this.#socksSocket !== null) removeSocket(this.#socksSocket);
    this.#socksSocket = null;
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    await this.#admission.close();
    this.#keeper.stop();
    this.#store.close();
    this.#keyPair.secretKey.fill(0);
  }
}

const FAULT = 'an engine thread caught an error; the connection was reset';
const KEEPS_NOTHING_ALIVE = { ref: false };
const NO_DESCRIPTOR = 'out of file descriptors: new connections wait';
