// The foreign-function boundary to the kernel: Linux system calls through koffi, numbers in and a number out.
// Buffers are passed as addresses (Slab.address + offset), so a call allocates nothing. See native-notes/ffi.md.

import { endianness } from 'node:os';
import { loadForeignCalls } from '../base/foreignCalls.ts';

/** Each call returns what the system call returns (>= 0), or -1 with the reason in errno(), which must be read at once. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  socketpair(domain: number, type: number, protocol: number, pairAddress: number): number;
  bind(fd: number, address: number, length: number): number;
  listen(fd: number, backlog: number): number;
  accept4(fd: number, address: number, lengthAddress: number, flags: number): number;
  connect(fd: number, address: number, length: number): number;
  recv(fd: number, address: number, length: number, flags: number): number;
  send(fd: number, address: number, length: number, flags: number): number;
  recvfrom(
    fd: number,
    address: number,
    length: number,
    flags: number,
    fromAddress: number,
    fromLengthAddress: number,
  ): number;
  sendto(
    fd: number,
    address: number,
    length: number,
    flags: number,
    toAddress: number,
    toLength: number,
  ): number;
  shutdown(fd: number, how: number): number;
  close(fd: number): number;
  read(fd: number, address: number, length: number): number;
  write(fd: number, address: number, length: number): number;
  waitpid(pid: number, statusAddress: number, options: number): number;
  eventfd(initial: number, flags: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epollFd: number, operation: number, fd: number, eventAddress: number): number;
  epoll_wait(epollFd: number, eventsAddress: number, eventsMax: number, timeoutMs: number): number;
  ioctl(fd: number, request: number, address: number): number;
  getsockopt(fd: number, level: number, name: number, address: number, lengthAddress: number): number;
  setsockopt(fd: number, level: number, name: number, address: number, length: number): number;
  getsockname(fd: number, address: number, lengthAddress: number): number;
  getpeername(fd: number, address: number, lengthAddress: number): number;
  getpagesize(): number;
  madvise(address: number, length: number, advice: number): number;
  /** glibc's alone; elsewhere it does nothing. */
  malloc_trim(keepBytes: number): number;
  /** The reason of the last failure. */
  errno(): number;
  /** The address of bytes[0]. The view must be on an ArrayBuffer of its own: small typed arrays are on the heap, and move. */
  addressOf(bytes: Uint8Array): number;
}

// Constants of Linux on x64 and arm64 (asm-generic).
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0x800;
export const SOCK_CLOEXEC = 0x80000;
export const IPPROTO_TCP = 6;
export const IPPROTO_IPV6 = 41;
export const TCP_NODELAY = 1;
export const TCP_KEEPIDLE = 4;
export const TCP_KEEPINTVL = 5;
export const TCP_KEEPCNT = 6;
export const TCP_INFO = 11;
export const TCP_NOTSENT_LOWAT = 25;
/** linux/sockios.h: bytes in the send queue that were never sent. */
export const SIOCOUTQNSD = 0x894b;
export const IPV6_V6ONLY = 26;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_ERROR = 4;
export const SO_KEEPALIVE = 9;
export const SO_LINGER = 13;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_TRUNC = 0x20;
export const SHUT_WR = 1;
export const EPOLL_CLOEXEC = 0x80000;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
export const EPOLLIN = 0x1;
export const EPOLLPRI = 0x2;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
export const EPOLLET = 0x80000000;
export const WNOHANG = 1;
export const MADV_DONTNEED = 4;
export const MADV_NOHUGEPAGE = 15;
export const EFD_CLOEXEC = 0x80000;
export const EFD_NONBLOCK = 0x800;

export interface SocketPair {
  readonly ours: number;
  readonly theirs: number;
}

/** Two stream sockets, connected to each other, that do not block. Null: there is no descriptor left. */
export function openSocketPair(libc: Libc): SocketPair | null {
  const fds = new Int32Array(new ArrayBuffer(8));
  const type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const failed = libc.socketpair(AF_UNIX, type, 0, libc.addressOf(new Uint8Array(fds.buffer)));
  return failed < 0 ? null : { ours: fds[0]!, theirs: fds[1]! };
}

let loaded: Libc | null | undefined;

/** The bindings, made on the first call. null on a system other than Linux x64 or arm64, or where koffi does not load. */
export function loadLibc(): Libc | null {
  if (loaded === undefined) {
    const bound = bind();
    loaded = bound === null ? null : copyOf(bound);
  }
  return loaded;
}

/** Made like the one that loadLibc() returns, so that compiled code takes both for objects of one kind. */
export function copyOf(libc: Libc): Libc {
  return { ...libc };
}

function bind(): Libc | null {
  const foreign = endianness() === 'LE' ? loadForeignCalls() : null;
  if (foreign === null) return null;
  try {
    // The process itself, so that every libc (glibc, musl) is found without its file name.
    const self = foreign.load(null);
    const uint = 'uint32_t';
    const address = 'uintptr_t';
    const func = (name: string, args: string[]) => self.func(name, 'int', args);
    return {
      socket: func('socket', ['int', 'int', 'int']),
      socketpair: func('socketpair', ['int', 'int', 'int', address]),
      bind: func('bind', ['int', address, uint]),
      listen: func('listen', ['int', 'int']),
      accept4: func('accept4', ['int', address, address, 'int']),
      connect: func('connect', ['int', address, uint]),
      // Results are below 2^31 here, so `int` instead of ssize_t is the same call, and converts faster.
      recv: func('recv', ['int', address, address, 'int']),
      send: func('send', ['int', address, address, 'int']),
      recvfrom: func('recvfrom', ['int', address, address, 'int', address, address]),
      sendto: func('sendto', ['int', address, address, 'int', address, uint]),
      shutdown: func('shutdown', ['int', 'int']),
      close: func('close', ['int']),
      read: func('read', ['int', address, address]),
      write: func('write', ['int', address, address]),
      waitpid: func('waitpid', ['int', address, 'int']),
      eventfd: func('eventfd', [uint, 'int']),
      epoll_create1: func('epoll_create1', ['int']),
      epoll_ctl: func('epoll_ctl', ['int', 'int', 'int', address]),
      epoll_wait: func('epoll_wait', ['int', address, 'int', 'int']),
      // Variadic in C: on these two systems the registers are the same.
      ioctl: func('ioctl', ['int', address, address]),
      getsockopt: func('getsockopt', ['int', 'int', 'int', address, address]),
      setsockopt: func('setsockopt', ['int', 'int', 'int', address, uint]),
      getsockname: func('getsockname', ['int', address, address]),
      getpeername: func('getpeername', ['int', address, address]),
      getpagesize: func('getpagesize', []),
      madvise: func('madvise', [address, address, 'int']),
      malloc_trim: optional(() => func('malloc_trim', [address])),
      errno: () => foreign.errno(),
      addressOf: (bytes) => Number(foreign.address(bytes)),
    };
  } catch {
    return null;
  }
}

function optional(bound: () => (argument: number) => number): (argument: number) => number {
  try {
    return bound();
  } catch {
    return () => 0;
  }
}
