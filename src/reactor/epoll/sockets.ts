// Sockets by descriptor, outside the hot path: bind, dial, options, addresses.
// Every call returns a descriptor or 0 on success, and -errno on failure.

import { chmodSync } from 'node:fs';
import { isPort } from '../../base/hostPort.ts';
import { IpAddress } from '../../base/ipAddress.ts';
import { ENGINE } from '../../limits/engine.ts';
import { ERRNO, errnoOfCode } from '../errno.ts';
import {
  AF_INET6,
  AF_UNIX,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  type Libc,
  SIOCOUTQNSD,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_INFO,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
  TCP_NOTSENT_LOWAT,
} from '../libc.ts';
import { decodeAddress, decodePort, SOCKADDR_MAX_BYTES, writeSockaddr } from '../sockaddr.ts';

/** Layout of the scratch bytes: an address, its length, an option's value. */
const LENGTH_AT = 32;
const OPTION_AT = 40;
/** struct tcp_info (linux/tcp.h), cut behind tcpi_bytes_acked, a u64 since Linux 4.1. */
const TCP_INFO_AT = 64;
const TCP_INFO_BYTES = 128;
const BYTES_ACKED_AT = 120;
const SCRATCH_BYTES = TCP_INFO_AT + TCP_INFO_BYTES;
/** struct sockaddr_un (unix(7)): the family, then the path and a NUL. */
const SOCKADDR_UN_BYTES = 110;
const UN_PATH_AT = 2;

export class Sockets {
  readonly #libc: Libc;
  readonly #keepAliveIdleS: number;
  readonly #bytes = new Uint8Array(new ArrayBuffer(SCRATCH_BYTES));
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #address: number;

  constructor(libc: Libc, keepAliveIdleS: number = ENGINE.keepAliveIdleS) {
    this.#keepAliveIdleS = keepAliveIdleS;
    this.#libc = libc;
    this.#address = libc.addressOf(this.#bytes);
  }

  /** A listening, non-blocking socket on an IP literal or a path. */
  listen(address: string, port: number, backlog: number): number {
    if (address.startsWith('/')) return this.#listenUnix(address, backlog);
    const length = this.#loadLiteral(address, port);
    if (length === 0) return -ERRNO.EINVAL;
    const fd = this.#open();
    if (fd < 0) return fd;
    const set =
      this.#set(fd, SOL_SOCKET, SO_REUSEADDR, 1) ||
      // Accepted sockets inherit these (tcp(7)): one call instead of one each.
      this.#set(fd, IPPROTO_TCP, TCP_NODELAY, 1) ||
      this.#keepAlive(fd) ||
      (this.#bytes[0] === AF_INET6 ? this.#set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) : 0) ||
      this.#check(this.#libc.bind(fd, this.#address, length)) ||
      this.#check(this.#libc.listen(fd, backlog));
    return set === 0 ? fd : this.#abandon(fd, set);
  }

  /** Sets the mode between bind() and listen(), when nobody can connect yet. */
  #listenUnix(path: string, backlog: number): number {
    const name = Buffer.from(path);
    const sockaddr = new Uint8Array(new ArrayBuffer(SOCKADDR_UN_BYTES));
    if (name.length >= SOCKADDR_UN_BYTES - UN_PATH_AT || name.includes(0)) return -ERRNO.EINVAL;
    sockaddr[0] = AF_UNIX;
    sockaddr.set(name, UN_PATH_AT);
    const fd = this.#check(this.#libc.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (fd < 0) return fd;
    const bound = this.#check(
      this.#libc.bind(fd, this.#libc.addressOf(sockaddr), UN_PATH_AT + name.length + 1),
    );
    if (bound < 0) return this.#abandon(fd, bound);
    try {
      chmodSync(path, 0o600);
    } catch (error) {
      return this.#abandon(fd, -errnoOfCode((error as NodeJS.ErrnoException).code));
    }
    const listening = this.#check(this.#libc.listen(fd, backlog));
    return listening === 0 ? fd : this.#abandon(fd, listening);
  }

  /** A non-blocking UDP socket on an IP literal. */
  bindUdp(address: string, port: number): number {
    const length = this.#loadLiteral(address, port);
    if (length === 0) return -ERRNO.EINVAL;
    const type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const fd = this.#check(this.#libc.socket(this.#bytes[0]!, type, 0));
    if (fd < 0) return fd;
    const set =
      (this.#bytes[0] === AF_INET6 ? this.#set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) : 0) ||
      this.#check(this.#libc.bind(fd, this.#address, length));
    return set === 0 ? fd : this.#abandon(fd, set);
  }

  /** A non-blocking socket, connected or connecting. */
  dial(address: IpAddress, port: number): number {
    if (!isPort(port)) return -ERRNO.EINVAL;
    const length = writeSockaddr(this.#bytes, address, port);
    const fd = this.#open();
    if (fd < 0) return fd;
    const started =
      this.#set(fd, IPPROTO_TCP, TCP_NODELAY, 1) ||
      this.#keepAlive(fd) ||
      this.#check(this.#libc.connect(fd, this.#address, length));
    return started === 0 || started === -ERRNO.EINPROGRESS ? fd : this.#abandon(fd, started);
  }

  /** Takes the pending error of a socket: an errno > 0, or 0. */
  takeError(fd: number): number {
    this.#view.setInt32(LENGTH_AT, 4, true);
    const failed = this.#libc.getsockopt(
      fd,
      SOL_SOCKET,
      SO_ERROR,
      this.#address + OPTION_AT,
      this.#address + LENGTH_AT,
    );
    return failed < 0 ? this.#libc.errno() : this.#view.getInt32(OPTION_AT, true);
  }

  /** -1 where the kernel does not say. */
  acknowledgedBytes(fd: number): number {
    this.#view.setInt32(LENGTH_AT, TCP_INFO_BYTES, true);
    const failed = this.#libc.getsockopt(
      fd,
      IPPROTO_TCP,
      TCP_INFO,
      this.#address + TCP_INFO_AT,
      this.#address + LENGTH_AT,
    );
    if (failed < 0 || this.#view.getInt32(LENGTH_AT, true) < TCP_INFO_BYTES) return -1;
    return Number(this.#view.getBigUint64(TCP_INFO_AT + BYTES_ACKED_AT, true));
  }

  /** How much unsent makes the socket no longer writable; it is again at less than half of that. Infinity lifts the limit. */
  limitUnsent(fd: number, bytes: number): void {
    // The kernel reads a u32, whose largest value stands for no limit.
    this.#set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, bytes === Number.POSITIVE_INFINITY ? -1 : bytes);
  }

  /** -1 for what is no TCP connection. */
  unsentBytes(fd: number): number {
    const failed = this.#libc.ioctl(fd, SIOCOUTQNSD, this.#address + OPTION_AT);
    return failed < 0 ? -1 : this.#view.getInt32(OPTION_AT, true);
  }

  /** A peer that vanished while nothing was under way is noticed. One whose window is closed answers the probes and stays. */
  #keepAlive(fd: number): number {
    return (
      this.#set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) ||
      this.#set(fd, IPPROTO_TCP, TCP_KEEPIDLE, this.#keepAliveIdleS) ||
      this.#set(fd, IPPROTO_TCP, TCP_KEEPINTVL, ENGINE.keepAliveIntervalS) ||
      this.#set(fd, IPPROTO_TCP, TCP_KEEPCNT, ENGINE.keepAliveProbes)
    );
  }

  /** Makes the coming close() send RST. */
  armReset(fd: number): void {
    // struct linger { l_onoff = 1, l_linger = 0 }
    this.#view.setInt32(OPTION_AT, 1, true);
    this.#view.setInt32(OPTION_AT + 4, 0, true);
    this.#libc.setsockopt(fd, SOL_SOCKET, SO_LINGER, this.#address + OPTION_AT, 8);
  }

  localAddress(fd: number): string {
    return this.#loadName(this.#libc.getsockname, fd) ? decodeAddress(this.#bytes) : '';
  }

  localPort(fd: number): number {
    return this.#loadName(this.#libc.getsockname, fd) ? decodePort(this.#bytes) : 0;
  }

  remoteAddress(fd: number): string {
    return this.#loadName(this.#libc.getpeername, fd) ? decodeAddress(this.#bytes) : '';
  }

  /** Into the scratch bytes; 0 for what is no IP literal or no port. */
  #loadLiteral(text: string, port: number): number {
    const address = IpAddress.parse(text);
    return address === null || !isPort(port) ? 0 : writeSockaddr(this.#bytes, address, port);
  }

  #loadName(name: Libc['getsockname'], fd: number): boolean {
    this.#view.setInt32(LENGTH_AT, SOCKADDR_MAX_BYTES, true);
    return name(fd, this.#address, this.#address + LENGTH_AT) === 0;
  }

  /** A TCP socket of the family in the scratch bytes. */
  #open(): number {
    return this.#check(this.#libc.socket(this.#bytes[0]!, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  }

  #set(fd: number, level: number, name: number, value: number): number {
    this.#view.setInt32(OPTION_AT, value, true);
    return this.#check(this.#libc.setsockopt(fd, level, name, this.#address + OPTION_AT, 4));
  }

  #check(result: number): number {
    return result < 0 ? -this.#libc.errno() : result;
  }

  #abandon(fd: number, failure: number): number {
    this.#libc.close(fd);
    return failure;
  }
}
