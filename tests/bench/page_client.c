/* The clients of the load test: thousands of event streams, or page fetches, in one process.

   stream PORT COUNT PATH [HEADER...]   opens COUNT streams; every line of the standard input is a command:
       wait N SECONDS       until every client has delta N, or so long; prints what it saw
       back SECONDS         until every client whose stream ended has another, or so long
       end                  closes everything
   fetch PORT CONNECTIONS REQUESTS PATH [HEADER...]   asks for the same again and again

   A delta is an event without a name, or named "generation", whose data begin with an object that
   names its id, `"id":"e1-N"`. Its number must follow the one before: everything else is counted
   as doubled or missed. Answers are lines of JSON; times are seconds of CLOCK_MONOTONIC. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD, SIZE, BODY, AFTER, PLAIN };
enum { LINE = 256, AT_ONCE = 256, FROM = 8 };

typedef struct {
  int fd, state, open, greeted, doubled, missed, named;
  long left;       /* bytes of this chunk, or of this body */
  long last;       /* number of the newest delta */
  int used;        /* of line */
  double again_at; /* when to connect next, where it is not open */
  char line[LINE];
} Client;

static Client *clients;
static int count, poller, port, opening, greeted;
static const char *path, *headers = "";
static long reached, wanted, refused, errors, ended, deltas, doubled, missed;
static double last_at;
static char buffer[1 << 18];

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec + at.tv_nsec / 1e9;
}

static double cpu(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return used.ru_utime.tv_sec + used.ru_stime.tv_sec +
         (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void watch(Client *client, int what, int how) {
  struct epoll_event event = {.events = what, .data.ptr = client};
  epoll_ctl(poller, how, client->fd, &event);
}

static void begin(Client *client) {
  int one = 1;
  long number = client - clients;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct sockaddr_in from = {.sin_family = AF_INET};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  /* Several addresses of this machine: one has ports for 28,000, less those that rest. */
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + number % FROM);
  client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (client->fd < 0) {
    perror("socket");
    exit(1);
  }
  setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  bind(client->fd, (struct sockaddr *)&from, sizeof from);
  client->state = HEAD;
  client->used = client->named = client->greeted = 0;
  client->left = -1;
  client->open = 1;
  opening++;
  connect(client->fd, (struct sockaddr *)&to, sizeof to);
  watch(client, EPOLLOUT, EPOLL_CTL_ADD);
}

static void finish(Client *client, double later) {
  close(client->fd);
  opening -= !client->greeted;
  greeted -= client->greeted;
  client->greeted = client->open = 0;
  client->again_at = now() + later;
}

static void ask(Client *client) {
  char request[4096], since[64] = "";
  if (client->last > 0) sprintf(since, "Last-Event-ID: e1-%ld\r\n", client->last);
  int length = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s\r\n", path, since, headers);
  if (send(client->fd, request, length, MSG_NOSIGNAL) != length) {
    errors++;
    finish(client, 0.25);
  } else
    watch(client, EPOLLIN, EPOLL_CTL_MOD);
}

static void greet(Client *client) {
  if (client->greeted) return;
  client->greeted = 1;
  opening--;
  greeted++;
  last_at = now();
}

static void take_line(Client *client) {
  char *line = client->line, *found;
  while (client->used && line[client->used - 1] == '\r') client->used--;
  line[client->used] = 0;
  if (!line[0])
    client->named = 0;
  else if (!strncmp(line, "event:", 6))
    client->named = !strstr(line, "generation");
  else if (!strncmp(line, "data:", 5) && (found = strstr(line, "\"id\":\"e1-"))) {
    long number = atol(found + 9);
    if (client->named) { /* the hello and other heartbeats: all up to there has been told */
      if (client->last && number > client->last) missed += number - client->last;
      if (number > client->last) client->last = number;
      return;
    }
    if (client->last && number <= client->last) doubled++;
    else {
      if (client->last && number > client->last + 1) missed += number - client->last - 1;
      client->last = number;
      deltas++;
      if (number == wanted) reached++, last_at = now();
    }
  }
}

static void take_text(Client *client, const char *text, long length) {
  while (length > 0) {
    const char *end = memchr(text, '\n', length);
    long part = end ? end - text : length, room = LINE - 1 - client->used;
    if (room > 0) {
      long copied = part < room ? part : room;
      memcpy(client->line + client->used, text, copied);
      client->used += copied;
    }
    if (!end) return;
    take_line(client);
    client->used = 0;
    length -= part + 1;
    text = end + 1;
  }
}

/* Reads an answer's head; returns what of the text belongs to its body, or -1: gone. */
static long take_head(Client *client, const char *text, long length) {
  for (long at = 0; at < length; at++) {
    if (text[at] == '\r') continue;
    if (text[at] != '\n') {
      if (client->used < LINE - 1) client->line[client->used++] = text[at];
      continue;
    }
    client->line[client->used] = 0;
    if (!client->used) {
      client->state = client->left == -2 ? SIZE : PLAIN;
      client->left = client->used = 0;
      greet(client);
      return length - at - 1;
    }
    if (!strncmp(client->line, "HTTP/1.", 7) && atoi(client->line + 9) != 200) {
      refused++;
      finish(client, 1);
      return -1;
    }
    if (!strcasecmp(client->line, "transfer-encoding: chunked")) client->left = -2;
    client->used = 0;
  }
  return 0;
}

static void take(Client *client, const char *text, long length) {
  if (client->state == HEAD) {
    long body = take_head(client, text, length);
    if (body < 0) return;
    text += length - body;
    length = body;
  }
  while (length > 0) {
    if (client->state == PLAIN) {
      take_text(client, text, length);
      return;
    }
    if (client->state == BODY) {
      long part = length < client->left ? length : client->left;
      take_text(client, text, part);
      text += part, length -= part, client->left -= part;
      if (!client->left) client->state = AFTER;
      continue;
    }
    char one = *text++;
    length--;
    if (client->state == AFTER) {
      if (one == '\n') client->state = SIZE;
    } else if (one == '\n')
      client->state = BODY;
    else if (one != '\r')
      client->left = client->left * 16 + (one <= '9' ? one - '0' : (one | 32) - 'a' + 10);
    if (client->state == BODY && !client->left) { /* the last chunk: this stream has ended */
      ended++;
      finish(client, 0);
      return;
    }
  }
}

static void turn(int wait_ms) {
  struct epoll_event events[512];
  int ready = epoll_wait(poller, events, 512, wait_ms);
  for (int each = 0; each < ready; each++) {
    Client *client = events[each].data.ptr;
    if (!client->open) continue;
    if (events[each].events & EPOLLOUT) {
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size);
      if (error) {
        errors++;
        finish(client, 0.25);
      } else
        ask(client);
      continue;
    }
    long length = recv(client->fd, buffer, sizeof buffer, 0);
    if (length > 0)
      take(client, buffer, length);
    else if (length == 0 || errno != EAGAIN) {
      ended++;
      finish(client, length ? 0.25 : 0);
    }
  }
}

/* Opens whatever is not open, so many at a time; at_once does not wait for those before. */
static void open_more(int at_once) {
  static int next;
  double moment = now();
  for (int tried = 0; tried < count && (at_once || opening < AT_ONCE); tried++) {
    Client *client = clients + next;
    next = (next + 1) % count;
    if (!client->open && client->again_at <= moment) begin(client);
  }
}

static void say(const char *what) {
  printf("{\"what\":\"%s\",\"open\":%d,\"reached\":%ld,\"deltas\":%ld,\"doubled\":%ld,"
         "\"missed\":%ld,\"refused\":%ld,\"errors\":%ld,\"ended\":%ld,\"last_at\":%.6f,"
         "\"cpu_s\":%.6f}\n",
         what, greeted, reached, deltas, doubled, missed, refused, errors, ended, last_at, cpu());
  fflush(stdout);
}

static void until_all(double until, int at_once) {
  while (greeted < count && now() < until) {
    open_more(at_once);
    turn(greeted < count ? 5 : 0);
  }
}

static void streams(void) {
  char line[256], what[16];
  clients = calloc(count, sizeof *clients);
  until_all(now() + 240, 0);
  say("opened");
  struct pollfd input = {.fd = 0, .events = POLLIN};
  for (;;) {
    turn(5);
    if (poll(&input, 1, 0) <= 0) continue;
    if (!fgets(line, sizeof line, stdin)) return;
    long number = 0;
    double seconds = 0;
    sscanf(line, "%15s", what);
    if (!strcmp(what, "wait")) {
      sscanf(line, "%*s %ld %lf", &number, &seconds);
      double until = now() + seconds;
      wanted = number, reached = 0;
      for (int each = 0; each < count; each++) reached += clients[each].last >= number;
      say("ready");
      while (reached < count && now() < until) turn(5);
      say("told");
    } else if (!strcmp(what, "back")) {
      sscanf(line, "%*s %lf", &seconds);
      double until = now() + seconds;
      /* They find out by themselves that it has ended; then all come back at once. */
      while (greeted > 0 && now() < until) turn(5);
      say("away");
      until_all(until, 1);
      say("back");
    } else
      return;
  }
}

static void fetches(int connections, long requests) {
  char request[4096];
  int length = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n", path, headers);
  long sent = 0, done = 0, status[6] = {0};
  double began;
  count = connections;
  clients = calloc(count, sizeof *clients);
  for (int each = 0; each < count; each++) {
    begin(clients + each);
    int flags = fcntl(clients[each].fd, F_GETFL);
    fcntl(clients[each].fd, F_SETFL, flags | O_NONBLOCK);
  }
  began = now();
  while (done < requests) {
    struct epoll_event events[512];
    int ready = epoll_wait(poller, events, 512, 10000);
    if (ready <= 0) {
      fprintf(stderr, "no answer\n");
      exit(1);
    }
    for (int each = 0; each < ready; each++) {
      Client *client = events[each].data.ptr;
      if (events[each].events & EPOLLOUT) {
        watch(client, EPOLLIN, EPOLL_CTL_MOD);
      } else {
        long got = recv(client->fd, buffer, sizeof buffer - 1, 0);
        if (got <= 0) {
          fprintf(stderr, "the server has closed a connection\n");
          exit(1);
        }
        if (client->left < 0) { /* a head comes whole: it is small and sent at once */
          buffer[got] = 0;
          char *end = strstr(buffer, "\r\n\r\n"), *size = strcasestr(buffer, "content-length:");
          if (!end) {
            fprintf(stderr, "a head in parts\n");
            exit(1);
          }
          int code = atoi(buffer + 9);
          status[code / 100 % 6]++;
          client->left = (size && size < end ? atol(size + 15) : 0) + (end + 4 - buffer);
        }
        client->left -= got;
        if (client->left > 0) continue;
        done++;
      }
      if (sent < requests) {
        client->left = -1;
        sent++;
        if (send(client->fd, request, length, MSG_NOSIGNAL) != length) {
          perror("send");
          exit(1);
        }
      }
    }
  }
  printf("{\"seconds\":%.6f,\"requests\":%ld,\"ok\":%ld,\"unchanged\":%ld,\"failed\":%ld,"
         "\"cpu_s\":%.6f}\n",
         now() - began, done, status[2], status[3], status[4] + status[5], cpu());
}

static const char *joined(char **each) {
  static char all[4096];
  for (; *each; each++) {
    if (strlen(all) + strlen(*each) + 3 > sizeof all) exit(2);
    strcat(strcat(all, *each), "\r\n");
  }
  return all;
}

int main(int number, char **words) {
  poller = epoll_create1(0);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (number >= 5 && !strcmp(words[1], "stream")) {
    port = atoi(words[2]), count = atoi(words[3]), path = words[4];
    headers = joined(words + 5);
    streams();
  } else if (number >= 6 && !strcmp(words[1], "fetch")) {
    port = atoi(words[2]), path = words[5];
    headers = joined(words + 6);
    fetches(atoi(words[3]), atol(words[4]));
  } else
    return 2;
  return 0;
}
