// A load that leaves the cores to the server: 32 questions a call, cut apart by the kernel (UDP_SEGMENT), and answers that nobody reads, so that the
// kernel drops them. What was answered, the server counts.
//
// flood PORT PER_SECOND SECONDS LENGTH < messages of LENGTH octets each
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

// Ports enough for the kernel to spread them evenly over the sockets of a server.
enum { SOCKETS = 256, SEGMENTS = 32, ROOM = 4 << 20 };

static unsigned char messages[ROOM];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  double rate = atof(argv[2]), seconds = atof(argv[3]);
  int length = atoi(argv[4]), sockets[SOCKETS], room = 1;
  size_t size = 0, count;
  while ((count = fread(messages + size, 1, ROOM - size, stdin)) > 0) size += count;
  size_t groups = size / length / SEGMENTS;
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  server.sin_port = htons(atoi(argv[1]));
  for (int i = 0; i < SOCKETS; i++) {
    sockets[i] = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(sockets[i], SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (setsockopt(sockets[i], IPPROTO_UDP, UDP_SEGMENT, &length, sizeof length)) return 3;
    if (connect(sockets[i], (struct sockaddr *)&server, sizeof server)) return 4;
  }
  double started = now(), passed;
  unsigned long sent = 0, turn = 0;
  while ((passed = now() - started) < seconds) {
    while (sent < passed * rate) {
      const unsigned char *from = messages + (turn % groups) * length * SEGMENTS;
      if (send(sockets[turn % SOCKETS], from, (size_t)length * SEGMENTS, 0) > 0) sent += SEGMENTS;
      turn++;
    }
    usleep(200);
  }
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  printf("%lu %.3f\n", sent, cpu / passed);
}
