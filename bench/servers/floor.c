// The floor: what the kernel's work alone costs. Receives and sends 64 datagrams a call and answers every question with 10.0.0.1, unread.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, ROOM = 4096 + 64 };

static unsigned char data[BATCH][ROOM];
static struct sockaddr_in peers[BATCH];
static struct iovec iovecs[BATCH];
static struct mmsghdr headers[BATCH];
static const unsigned char answer[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 10, 0, 0, 1};

static size_t reply(unsigned char *message, size_t length) {
  size_t at = 12;
  while (at < length && message[at]) at += message[at] + 1;
  at += 5;
  if (at > length) return 0;
  message[2] = 0x84 | (message[2] & 1);
  message[3] = 0;
  message[7] = 1;
  message[10] = message[11] = 0;
  memcpy(message + at, answer, sizeof answer);
  return at + sizeof answer;
}

int main(int argc, char **argv) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  own.sin_port = htons(argc > 1 ? atoi(argv[1]) : 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  if (bind(fd, (struct sockaddr *)&own, sizeof own)) return 1;
  for (int i = 0; i < BATCH; i++) {
    iovecs[i].iov_base = data[i];
    headers[i].msg_hdr.msg_iov = &iovecs[i];
    headers[i].msg_hdr.msg_iovlen = 1;
    headers[i].msg_hdr.msg_name = &peers[i];
  }
  for (;;) {
    for (int i = 0; i < BATCH; i++) {
      iovecs[i].iov_len = ROOM;
      headers[i].msg_hdr.msg_namelen = sizeof peers[i];
    }
    int count = recvmmsg(fd, headers, BATCH, MSG_WAITFORONE, NULL);
    if (count < 0) return 2;
    for (int i = 0; i < count; i++) iovecs[i].iov_len = reply(data[i], headers[i].msg_len);
    sendmmsg(fd, headers, count, 0);
  }
}
