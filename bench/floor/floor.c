/*
 * The floor: what the work itself costs. A hub and an exit that do what ours do on the path of a byte and nothing else: SOCKS5, one
 * multiplexed tunnel with windows of credit and half-closes, ChaCha20-Poly1305 by OpenSSL, one epoll loop a side. No handshake (a fixed key),
 * no limits, no policy, no names, no lanes, no accounting: never use it for anything but this measurement (bench/peers/floor.ts).
 *
 *   floor hub SOCKS_PORT TUNNEL_PORT        floor exit HUB_HOST HUB_PORT        (IPv4)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OPEN = 1, OPENED, FAILED, DATA, END, RESET, CREDIT };

#define HEADER 8                  /* type u8, unused u8, length u16, stream u32 */
#define TAG 16
#define PLAIN_MAX 65000           /* of one record */
#define DATA_MAX 64000            /* of one DATA frame */
#define STEP 8192                 /* of the cipher, see native-notes/aead.md */
#define WINDOW (1 << 20)          /* of a stream */
#define QUEUE (256 << 10)         /* of the tunnel: beyond it nothing is read from sockets */
#define OUT_BYTES (QUEUE + 2 * (PLAIN_MAX + TAG + 2))
#define IN_BYTES (4 * (PLAIN_MAX + TAG + 2))
#define STREAMS 16384
#define EVENTS 256

struct stream {
  int fd;                         /* -1: free */
  uint32_t next;                  /* when free */
  uint8_t state;
  uint8_t read_ended, write_ended, peer_ended, hung_up;
  uint8_t reading;                /* 2: waits for room in the tunnel's queue */
  uint32_t credit;                /* what we may send */
  uint32_t consumed;              /* what the peer may send again, not yet granted */
  uint8_t *pending;               /* what the socket did not take */
  uint32_t pending_at, pending_end, pending_size;
  uint32_t serial;                /* of a reused index */
};
enum { GREETING, REQUEST, OPENING, CONNECTING, UP };

static struct stream streams[STREAMS];
static uint32_t free_head, is_hub, stalled;
static int poller, tunnel = -1, tunnel_listener = -1, socks_listener = -1;
static uint8_t out[OUT_BYTES], in[IN_BYTES];
static uint32_t out_at, out_end, record_at, record_plain, in_end, tunnel_blocked;
static EVP_CIPHER_CTX *sealing, *opening;
static uint64_t seal_nonce, open_nonce;

static void die(const char *what) {
  perror(what);
  exit(1);
}

/* ---- Records -------------------------------------------------------------------------------------------------------------------- */

static int transform(EVP_CIPHER_CTX *context, uint8_t *text, int length, uint64_t nonce) {
  uint8_t iv[12] = {0};
  int done;
  memcpy(iv + 4, &nonce, 8);
  if (EVP_CipherInit_ex(context, NULL, NULL, NULL, iv, -1) != 1) return 0;
  for (int at = 0; at < length; at += STEP) {
    int step = length - at < STEP ? length - at : STEP;
    if (EVP_CipherUpdate(context, text + at, &done, text + at, step) != 1) return 0;
  }
  return EVP_CipherFinal_ex(context, text + length, &done) == 1;
}

static void seal(void) {
  if (record_plain == 0) return;
  uint8_t *plain = out + record_at + 2;
  transform(sealing, plain, record_plain, seal_nonce++);
  EVP_CIPHER_CTX_ctrl(sealing, EVP_CTRL_AEAD_GET_TAG, TAG, plain + record_plain);
  uint32_t sealed = record_plain + TAG;
  out[record_at] = sealed >> 8;
  out[record_at + 1] = sealed;
  out_end = record_at + 2 + sealed;
  record_at = out_end;
  record_plain = 0;
}

static void flush(void) {
  seal();
  while (out_at < out_end && !tunnel_blocked) {
    ssize_t sent = send(tunnel, out + out_at, out_end - out_at, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) tunnel_blocked = 1;
    else if (sent < 0) die("tunnel");
    else out_at += sent;
  }
  if (out_at == out_end) out_at = out_end = record_at = 0;
}

/* Room for a frame in the record being built; its payload's place. */
static uint8_t *frame(uint8_t type, uint32_t id, uint32_t length) {
  if (record_plain + HEADER + length > PLAIN_MAX) seal();
  if (record_at + 2 + PLAIN_MAX + TAG > OUT_BYTES) {
    seal();
    memmove(out, out + out_at, out_end - out_at);
    record_at = out_end -= out_at;
    out_at = 0;
  }
  uint8_t *at = out + record_at + 2 + record_plain;
  at[0] = type;
  at[1] = 0;
  at[2] = length >> 8;
  at[3] = length;
  memcpy(at + 4, &id, 4);
  record_plain += HEADER + length;
  return at + HEADER;
}

static uint32_t queued(void) { return record_at + record_plain - out_at; }

/* ---- Streams -------------------------------------------------------------------------------------------------------------------- */

static void watch(uint32_t id, uint32_t events) {
  struct epoll_event event = {events | EPOLLET, {.u64 = ((uint64_t)streams[id].serial << 32) | id}};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, streams[id].fd, &event) < 0) die("epoll_ctl");
}

static void take(uint32_t id, int fd, uint8_t state) {
  struct stream *s = &streams[id];
  uint8_t *pending = s->pending;
  uint32_t size = s->pending_size, serial = s->serial;
  memset(s, 0, sizeof *s);
  s->pending = pending;
  s->pending_size = size;
  s->serial = serial;
  s->fd = fd;
  s->state = state;
  s->credit = WINDOW;
}

static void release(uint32_t id) {
  struct stream *s = &streams[id];
  close(s->fd);
  s->fd = -1;
  s->serial++;
  if (s->reading == 2) stalled--;
  if (s->pending_size > 65536) {
    free(s->pending);
    s->pending = NULL;
    s->pending_size = 0;
  }
  if (is_hub) {
    s->next = free_head;
    free_head = id;
  }
}

static void abort_stream(uint32_t id) {
  frame(RESET, id, 0);
  release(id);
}

static int is_over(uint32_t id) {
  struct stream *s = &streams[id];
  if (!s->read_ended || !s->write_ended) return 0;
  release(id);
  return 1;
}

/* From the socket into the record being built. */
static void pump(uint32_t id) {
  struct stream *s = &streams[id];
  while (s->state == UP && !s->read_ended && s->credit > 0) {
    if (queued() > QUEUE) {
      if (s->reading != 2) stalled++;
      s->reading = 2;
      return;
    }
    uint32_t want = s->credit < DATA_MAX ? s->credit : DATA_MAX;
    uint8_t *to = frame(DATA, id, want);
    ssize_t got = recv(s->fd, to, want, 0);
    uint32_t kept = got > 0 ? got : 0;
    record_plain -= want - kept;
    if (got > 0) {
      to[-6] = kept >> 8;
      to[-5] = kept;
      s->credit -= kept;
      /* All there was, unless the end came with it: one event tells of both. */
      if (kept < want && !s->hung_up) return;
      continue;
    }
    record_plain -= HEADER;
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) {
      abort_stream(id);
      return;
    }
    s->read_ended = 1;
    frame(END, id, 0);
    is_over(id);
    return;
  }
}

static void pump_stalled(void) {
  for (uint32_t id = 0; stalled > 0 && id < STREAMS && queued() <= QUEUE; id++) {
    if (streams[id].fd < 0 || streams[id].reading != 2) continue;
    streams[id].reading = 0;
    stalled--;
    pump(id);
  }
}

static void grant(uint32_t id, uint32_t bytes) {
  struct stream *s = &streams[id];
  s->consumed += bytes;
  if (s->consumed < WINDOW / 2 || s->peer_ended) return;
  memcpy(frame(CREDIT, id, 4), &s->consumed, 4);
  s->consumed = 0;
}

static void drain(uint32_t id) {
  struct stream *s = &streams[id];
  while (s->pending_at < s->pending_end) {
    ssize_t sent = send(s->fd, s->pending + s->pending_at, s->pending_end - s->pending_at, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) {
      abort_stream(id);
      return;
    }
    s->pending_at += sent;
    grant(id, sent);
  }
  s->pending_at = s->pending_end = 0;
  if (s->peer_ended && !s->write_ended) {
    s->write_ended = 1;
    shutdown(s->fd, SHUT_WR);
    is_over(id);
  }
}

static void keep(struct stream *s, const uint8_t *bytes, uint32_t length) {
  if (s->pending_end + length > s->pending_size) {
    memmove(s->pending, s->pending + s->pending_at, s->pending_end - s->pending_at);
    s->pending_end -= s->pending_at;
    s->pending_at = 0;
    while (s->pending_end + length > s->pending_size) s->pending_size = s->pending_size ? 2 * s->pending_size : 16384;
    s->pending = realloc(s->pending, s->pending_size);
  }
  memcpy(s->pending + s->pending_end, bytes, length);
  s->pending_end += length;
}

static void deliver(uint32_t id, const uint8_t *bytes, uint32_t length) {
  struct stream *s = &streams[id];
  if (s->pending_end == 0 && s->state == UP) {
    ssize_t sent = send(s->fd, bytes, length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
      abort_stream(id);
      return;
    }
    if (sent > 0) {
      grant(id, sent);
      bytes += sent;
      length -= sent;
    }
  }
  if (length > 0) keep(s, bytes, length);
}

/* ---- The exit's targets, the hub's clients ---------------------------------------------------------------------------------------- */

static int new_socket(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

static void connect_target(uint32_t id, const uint8_t *address) {
  struct sockaddr_in to = {.sin_family = AF_INET};
  memcpy(&to.sin_addr, address, 4);
  memcpy(&to.sin_port, address + 4, 2);
  if (streams[id].fd >= 0) release(id); /* what was left of the one before */
  int fd = new_socket(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  take(id, fd, CONNECTING);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
    frame(FAILED, id, 0);
    release(id);
    return;
  }
  watch(id, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
}

static void connected(uint32_t id) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(streams[id].fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    frame(FAILED, id, 0);
    release(id);
    return;
  }
  streams[id].state = UP;
  frame(OPENED, id, 0);
}

static const uint8_t REPLY[10] = {5, 0, 0, 1};
static const uint8_t REFUSAL[10] = {5, 1, 0, 1};

/* A client says a greeting and a request for an IPv4 address, each in one piece: what the bench's clients do. */
static void hear_client(uint32_t id) {
  struct stream *s = &streams[id];
  uint8_t said[512];
  while (s->state <= REQUEST) {
    ssize_t got = recv(s->fd, said, s->state == GREETING ? 3 : 10, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got < 3) {
      release(id);
      return;
    }
    if (s->state == GREETING) {
      if (send(s->fd, "\5\0", 2, MSG_NOSIGNAL) != 2) {
        release(id);
        return;
      }
      s->state = REQUEST;
    } else {
      if (got < 10 || said[3] != 1) {
        release(id);
        return;
      }
      memcpy(frame(OPEN, id, 6), said + 4, 6);
      s->state = OPENING;
    }
  }
}

static void accept_clients(void) {
  for (;;) {
    int fd = accept4(socks_listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    if (free_head == STREAMS) {
      close(fd);
      continue;
    }
    uint32_t id = free_head;
    free_head = streams[id].next;
    take(id, new_socket(fd), GREETING);
    watch(id, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    hear_client(id);
  }
}

/* ---- The tunnel ------------------------------------------------------------------------------------------------------------------- */

static void on_frame(uint8_t type, uint32_t id, const uint8_t *payload, uint32_t length) {
  struct stream *s = &streams[id];
  uint32_t more;
  if (type == OPEN) {
    connect_target(id, payload);
    return;
  }
  if (s->fd < 0) return; /* late */
  switch (type) {
    case OPENED:
      s->state = UP;
      if (send(s->fd, REPLY, sizeof REPLY, MSG_NOSIGNAL) < 0) abort_stream(id);
      else pump(id);
      break;
    case FAILED:
      send(s->fd, REFUSAL, sizeof REFUSAL, MSG_NOSIGNAL);
      release(id);
      break;
    case DATA:
      deliver(id, payload, length);
      break;
    case END:
      s->peer_ended = 1;
      drain(id);
      break;
    case RESET:
      release(id);
      break;
    case CREDIT:
      memcpy(&more, payload, 4);
      s->credit += more;
      pump(id);
      break;
  }
}

static void on_record(uint8_t *plain, uint32_t length) {
  uint32_t at = 0, id;
  while (at < length) {
    uint32_t size = plain[at + 2] << 8 | plain[at + 3];
    memcpy(&id, plain + at + 4, 4);
    on_frame(plain[at], id, plain + at + HEADER, size);
    at += HEADER + size;
  }
}

static void read_tunnel(void) {
  for (;;) {
    ssize_t got = recv(tunnel, in + in_end, IN_BYTES - in_end, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) exit(0);
    in_end += got;
    uint32_t at = 0;
    while (in_end - at >= 2) {
      uint32_t sealed = in[at] << 8 | in[at + 1];
      if (in_end - at < 2 + sealed) break;
      uint8_t *text = in + at + 2;
      EVP_CIPHER_CTX_ctrl(opening, EVP_CTRL_AEAD_SET_TAG, TAG, text + sealed - TAG);
      if (!transform(opening, text, sealed - TAG, open_nonce++)) die("a record does not authenticate");
      on_record(text, sealed - TAG);
      at += 2 + sealed;
    }
    memmove(in, in + at, in_end - at);
    in_end -= at;
    flush();
  }
}

/* ---- The loop --------------------------------------------------------------------------------------------------------------------- */

#define TUNNEL UINT64_MAX
#define SOCKS_LISTENER (UINT64_MAX - 1)
#define TUNNEL_LISTENER (UINT64_MAX - 2)

static void add(int fd, uint32_t events, uint64_t tag) {
  struct epoll_event event = {events, {.u64 = tag}};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
}

static int listen_on(int port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 4096) < 0) die("listen");
  return fd;
}

static void begin_tunnel(int fd) {
  tunnel = new_socket(fd);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  add(fd, EPOLLIN | EPOLLOUT | EPOLLET, TUNNEL);
}

static EVP_CIPHER_CTX *context(int direction, uint8_t first) {
  uint8_t key[32] = {first};
  EVP_CIPHER_CTX *made = EVP_CIPHER_CTX_new();
  if (EVP_CipherInit_ex(made, EVP_chacha20_poly1305(), NULL, key, NULL, direction) != 1) die("OpenSSL");
  return made;
}

static void on_stream(uint64_t tag, uint32_t events) {
  uint32_t id = (uint32_t)tag;
  struct stream *s = &streams[id];
  if (s->fd < 0 || s->serial != tag >> 32) return;
  if (s->state == CONNECTING) {
    if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) return;
    connected(id);
    if (s->fd < 0) return;
  }
  if (s->state <= REQUEST) {
    hear_client(id);
    return;
  }
  if (events & EPOLLRDHUP) s->hung_up = 1;
  if (events & EPOLLOUT && s->pending_end > 0) drain(id);
  if (s->fd >= 0 && s->serial == tag >> 32 && events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) pump(id);
}

int main(int count, char **words) {
  if (count != 4) return 2;
  is_hub = strcmp(words[1], "hub") == 0;
  signal(SIGPIPE, SIG_IGN);
  poller = epoll_create1(0);
  for (uint32_t id = 0; id < STREAMS; id++) streams[id].fd = -1, streams[id].next = id + 1;
  sealing = context(1, is_hub);
  opening = context(0, !is_hub);
  if (is_hub) {
    socks_listener = listen_on(atoi(words[2]));
    tunnel_listener = listen_on(atoi(words[3]));
    add(socks_listener, EPOLLIN, SOCKS_LISTENER);
    add(tunnel_listener, EPOLLIN, TUNNEL_LISTENER);
  } else {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(words[3]))};
    inet_pton(AF_INET, words[2], &to.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) die("connect");
    begin_tunnel(fd);
  }
  for (;;) {
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(poller, events, EVENTS, -1);
    int tunnel_ready = 0;
    for (int i = 0; i < ready; i++) {
      uint64_t tag = events[i].data.u64;
      if (tag == TUNNEL) {
        if (events[i].events & EPOLLOUT) tunnel_blocked = 0;
        tunnel_ready |= events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR);
      } else if (tag == SOCKS_LISTENER) {
        if (tunnel >= 0) accept_clients();
      } else if (tag == TUNNEL_LISTENER) {
        int fd = accept(tunnel_listener, NULL, NULL);
        if (fd >= 0 && tunnel < 0) begin_tunnel(fd);
      } else on_stream(tag, events[i].events);
    }
    if (tunnel_ready) read_tunnel();
    if (tunnel >= 0) {
      flush();
      while (stalled > 0 && queued() <= QUEUE) {
        pump_stalled();
        flush();
        if (tunnel_blocked) break;
      }
    }
  }
}
