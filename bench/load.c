/* The load: many clients in one thread, so that it takes less CPU than any server it measures.
 *
 *     load relay PORT KEY=VALUE...    pairs that write to each other; a line of JSON at the end
 *     load idle PORT KEY=VALUE...     clients that connect, then only answer heartbeats
 *
 * Keys, with their defaults:
 *     dialect=socketio    `socketio`, `duologue` (pairs link before they write) or `bare`
 *                         (the same events as JSON arrays over a WebSocket without Socket.IO)
 *     transport=websocket `websocket` or `polling`
 *     pairs=50 flight=1   pairs, and messages that each of them keeps in flight
 *     size=64 acks=0 ids=0  bytes of a message's text; ask for acknowledgements; give UUIDs
 *     warmup=1 seconds=3  before and while it is measured
 *     clients=1000 parallel=50  of `idle`: how many, and how many of them connect at a time
 *
 * The line `start` is printed when the measuring begins (relay), `connected {...}` when all are
 * there (idle). `idle` ends when its standard input does.
 *
 * A pair's first client sends `flight` messages; from then on whoever gets one sends one. Times
 * are from just before the write to just after the read, each message's own.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { RING = 1024, BUCKETS = 64 * 64, MAX_EVENTS = 1024, READ_BYTES = 131072 };

struct bytes {
    char *at;
    size_t length, room;
};

struct times {
    uint64_t sent[RING], next_sent, next_got;
};

struct client;

/* A TCP connection: a WebSocket, or one of the two that a polling client keeps */
struct line {
    int socket, posts, waits, dirty;
    struct client *client;
    struct bytes in, out;
};

struct client {
    int opened, upgraded, identified, linked, number;
    char id[132], sid[64];
    struct client *peer;
    struct line main, post;
    struct bytes packets, message; /* waiting for a POST; what is sent to the peer */
    size_t ack_at, id_at;
    unsigned acks;
    struct times messages, answers;
};

static const char *dialect = "socketio", *transport = "websocket";
static long port, pairs = 50, flight = 1, size = 64, acks, ids, clients = 1000, parallel = 50;
static double warmup = 1, seconds = 3;
static int bare, links, polls;

static int epoll, measuring, running;
static long identified, linked, delivered, acked, refused;
static struct client *all;
static struct line **dirty;
static long dirty_lines;
static uint64_t latencies[BUCKETS], ack_latencies[BUCKETS];

static void fail(const char *what) {
    fprintf(stderr, "load: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static double own_cpu(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

/* Times in a histogram whose buckets are 1/64 of a power of two wide */

static void count(uint64_t *histogram, uint64_t ns) {
    int power = ns < 64 ? 0 : 63 - __builtin_clzll(ns) - 5;
    uint64_t bucket = (uint64_t)power * 32 + (ns >> power);
    histogram[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
}

static double quantile_us(const uint64_t *histogram, double quantile) {
    uint64_t total = 0, seen = 0;
    for (int i = 0; i < BUCKETS; i++) total += histogram[i];
    for (int i = 0; i < BUCKETS; i++) {
        seen += histogram[i];
        if (total && seen >= quantile * total) {
            int power = i < 64 ? 0 : i / 32 - 1;
            return (double)((uint64_t)(i - power * 32) << power) / 1e3;
        }
    }
    return 0;
}

/* Bytes out: what cannot be written at once is tried again each turn of the loop */

static char *reserve(struct bytes *bytes, size_t more) {
    if (bytes->length + more > bytes->room) {
        bytes->room = (bytes->length + more) * 2;
        bytes->at = realloc(bytes->at, bytes->room);
        if (bytes->at == NULL) fail("no memory");
    }
    return bytes->at + bytes->length;
}

static void append(struct bytes *bytes, const void *data, size_t length) {
    memcpy(reserve(bytes, length), data, length);
    bytes->length += length;
}

static void wake(struct line *line) {
    if (!line->dirty) {
        line->dirty = 1;
        dirty[dirty_lines++] = line;
    }
}

/* Returns whether everything has been written */
static int write_out(struct line *line) {
    ssize_t sent = send(line->socket, line->out.at, line->out.length, MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) fail("a server closed a connection");
    if (sent < 0) sent = 0;
    line->out.length -= sent;
    if (line->out.length) memmove(line->out.at, line->out.at + sent, line->out.length);
    return !line->out.length;
}

static void flush(void) {
    long left = 0;
    for (long i = 0; i < dirty_lines; i++) {
        if (write_out(dirty[i]))
            dirty[i]->dirty = 0;
        else
            dirty[left++] = dirty[i];
    }
    dirty_lines = left;
}

static const unsigned char mask[4] = {0x5a, 0xc3, 0x17, 0x88};

static void frame(struct bytes *to, const char *text, size_t length) {
    unsigned char header[14] = {0x81};
    size_t at = 2;
    if (length < 126) {
        header[1] = 0x80 | length;
    } else if (length < 65536) {
        header[1] = 0x80 | 126;
        header[at++] = length >> 8;
        header[at++] = length;
    } else {
        header[1] = 0x80 | 127;
        for (int i = 0; i < 8; i++) header[at++] = (uint64_t)length >> (56 - 8 * i);
    }
    memcpy(header + at, mask, 4);
    append(to, header, at + 4);
    char *payload = reserve(to, length);
    for (size_t i = 0; i < length; i++) payload[i] = text[i] ^ mask[i & 3];
    to->length += length;
}

static void post(struct client *client) {
    char head[320];
    struct line *line = &client->post;
    if (line->waits || !client->packets.length) return;
    int length = sprintf(head,
                         "POST /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\n"
                         "Host: 127.0.0.1:%ld\r\nContent-Type: text/plain;charset=UTF-8\r\n"
                         "Content-Length: %zu\r\n\r\n",
                         client->sid, port, client->packets.length);
    append(&line->out, head, length);
    append(&line->out, client->packets.at, client->packets.length);
    client->packets.length = 0;
    line->waits = 1;
    wake(line);
}

static void poll_once(struct client *client) {
    char request[320];
    int length = sprintf(request,
                         "GET /socket.io/?EIO=4&transport=polling%s%s HTTP/1.1\r\n"
                         "Host: 127.0.0.1:%ld\r\n\r\n",
                         *client->sid ? "&sid=" : "", client->sid, port);
    append(&client->main.out, request, length);
    wake(&client->main);
}

static void send_text(struct client *client, const char *text) {
    if (polls) {
        if (client->packets.length) append(&client->packets, "\x1e", 1);
        append(&client->packets, text, strlen(text));
        post(client);
    } else {
        frame(&client->main.out, text, strlen(text));
        wake(&client->main);
    }
}

/* What is sent to the peer again and again, framed and masked beforehand */
static void make_message(struct client *client) {
    char head[512], *text = malloc(size + 1), *whole = NULL;
    memset(text, 'x', size);
    text[size] = 0;
    sprintf(head, "%s%s", bare ? "" : "42", acks ? "1000000" : "");
    size_t ack_at = 2;
    if (asprintf(&whole,
                 "%s[\"message\",{\"targetClientId\":\"%s\",\"from\":\"%s\","
                 "%s\"message\":\"%s\"}]",
                 head, client->peer->id, client->id,
                 ids ? "\"id\":\"00000000-0000-4000-8000-000000000000\"," : "", text) < 0)
        fail("no memory");
    char *id = ids ? strstr(whole, "\"id\":\"") + 6 + 24 : NULL;
    if (polls) {
        append(&client->message, whole, strlen(whole));
    } else {
        frame(&client->message, whole, strlen(whole));
        ack_at += client->message.length - strlen(whole);
    }
    client->ack_at = ack_at;
    if (id != NULL) client->id_at = client->message.length - strlen(whole) + (id - whole);
    free(whole);
    free(text);
}

static void put_digits(struct client *client, size_t at, uint64_t number, int digits) {
    size_t payload = polls ? 0 : client->ack_at - 2;
    for (int i = digits - 1; i >= 0; i--, number /= 10)
        client->message.at[at + i] =
            ('0' + number % 10) ^ (polls ? 0 : mask[(at + i - payload) & 3]);
}

static void send_message(struct client *client) {
    struct times *times = &client->peer->messages;
    if (acks) {
        put_digits(client, client->ack_at, 1000000 + client->acks % RING, 7);
        client->answers.sent[client->acks++ % RING] = now();
    }
    if (ids) put_digits(client, client->id_at, times->next_sent * 1000 + client->number % 1000, 12);
    times->sent[times->next_sent++ % RING] = now();
    if (polls) {
        if (client->packets.length) append(&client->packets, "\x1e", 1);
        append(&client->packets, client->message.at, client->message.length);
        post(client);
    } else {
        /* Each message by itself, as a client's own library would write it */
        append(&client->main.out, client->message.at, client->message.length);
        if (!client->main.dirty && !write_out(&client->main)) wake(&client->main);
    }
}

/* Packets in */

static int starts(const char *text, size_t length, const char *with) {
    size_t size = strlen(with);
    return length >= size && memcmp(text, with, size) == 0;
}

static void copy_value(char *to, size_t room, const char *text, size_t length, const char *key) {
    const char *value = memmem(text, length, key, strlen(key));
    if (value == NULL) fail("an answer lacks a key");
    value += strlen(key);
    while (*value == ' ' || *value == ':' || *value == '"') value++; /* some write spaces */
    const char *end = memchr(value, '"', text + length - value);
    if (end == NULL || (size_t)(end - value) >= room) fail("an answer's value is too long");
    memcpy(to, value, end - value);
    to[end - value] = 0;
}

static void event(struct client *client, const char *text, size_t length) {
    if (starts(text, length, "[\"message\"")) {
        if (length < (size_t)size || memmem(text, 24, "\"error\"", 7) != NULL) {
            refused++;
            return;
        }
        struct times *times = &client->messages;
        if (measuring) count(latencies, now() - times->sent[times->next_got % RING]);
        times->next_got++;
        delivered++;
        if (running) send_message(client);
    } else if (starts(text, length, "[\"client_id\"")) {
        copy_value(client->id, sizeof client->id, text, length, "\"clientId\"");
        client->identified = 1;
        identified++;
    } else if (starts(text, length, "[\"link_requested\"")) {
        char answer[256];
        sprintf(answer, "42[\"link_accept\",{\"targetClientId\":\"%s\"}]", client->peer->id);
        send_text(client, answer);
    } else if (starts(text, length, "[\"link_established\"")) {
        linked++;
    }
}

static void packet(struct client *client, const char *text, size_t length) {
    if (bare) {
        event(client, text, length);
    } else if (starts(text, length, "42")) {
        event(client, text + 2, length - 2);
    } else if (starts(text, length, "43")) {
        if (measuring) count(ack_latencies, now() - client->answers.sent[atoi(text + 5) % RING]);
        if (memmem(text, length, "\"error\"", 7) != NULL) refused++;
        acked++;
    } else if (starts(text, length, "2")) {
        send_text(client, "3");
    } else if (starts(text, length, "0")) {
        if (polls) copy_value(client->sid, sizeof client->sid, text, length, "\"sid\"");
        send_text(client, "40");
    } else if (starts(text, length, "1") || starts(text, length, "44")) {
        fail("a server ended a session");
    }
}

static size_t frames(struct client *client, const char *start, const char *end) {
    const unsigned char *at = (const unsigned char *)start;
    const unsigned char *stop = (const unsigned char *)end;
    if (!client->upgraded) {
        const char *blank = memmem(start, end - start, "\r\n\r\n", 4);
        if (blank == NULL) return 0;
        if (!starts(start, end - start, "HTTP/1.1 101")) fail("a server refused an upgrade");
        client->upgraded = 1;
        at = (const unsigned char *)blank + 4;
    }
    while (stop - at >= 2) {
        uint64_t length = at[1];
        size_t header = 2;
        if (length == 126) {
            if (stop - at < 4) break;
            length = at[2] << 8 | at[3];
            header = 4;
        } else if (length == 127) {
            if (stop - at < 10) break;
            length = 0;
            for (int i = 0; i < 8; i++) length = length << 8 | at[2 + i];
            header = 10;
        }
        if ((uint64_t)(stop - at) < header + length) break;
        if ((at[0] & 15) == 8) fail("a server closed a WebSocket");
        if ((at[0] & 15) == 1) packet(client, (const char *)at + header, length);
        at += header + length;
    }
    return (const char *)at - start;
}

/* The body of an answer that comes in chunks is put together in place. Returns where the answer
   ends, or NULL while it has not ended; `*stop` is where its body then ends. */
static char *chunks(char *body, char *end, char **stop) {
    for (char *at = body;;) {
        char *line_end = memmem(at, end - at, "\r\n", 2);
        if (line_end == NULL) return NULL;
        size_t length = strtoul(at, NULL, 16);
        if ((size_t)(end - line_end) < length + 4) return NULL;
        at = line_end + 2 + length + 2;
        if (length == 0) break;
    }
    char *to = body;
    for (char *at = body;;) {
        char *data = (char *)memmem(at, end - at, "\r\n", 2) + 2;
        size_t length = strtoul(at, NULL, 16);
        at = data + length + 2;
        if (length == 0) {
            *stop = to;
            return at;
        }
        memmove(to, data, length);
        to += length;
    }
}

static size_t responses(struct line *line, char *start, char *end) {
    struct client *client = line->client;
    char *at = start;
    for (;;) {
        char *blank = memmem(at, end - at, "\r\n\r\n", 4);
        if (blank == NULL) break;
        *blank = 0;
        if (!starts(at, end - at, "HTTP/1.1 200")) fail("a server refused a request");
        char *length_at = strcasestr(at, "\r\ncontent-length:");
        char *chunked_at = strcasestr(at, "\r\ntransfer-encoding: chunked");
        *blank = '\r';
        char *body = blank + 4, *body_end, *next;
        if (chunked_at != NULL) {
            next = chunks(body, end, &body_end);
            if (next == NULL) break;
        } else {
            if (length_at == NULL) fail("an answer has neither length nor chunks");
            body_end = next = body + atol(length_at + 17);
            if (next > end) break;
        }
        at = next;
        if (line->posts) {
            line->waits = 0;
            post(client);
            continue;
        }
        while (body <= body_end) {
            char *stop = memchr(body, '\x1e', body_end - body);
            if (stop == NULL) stop = body_end;
            packet(client, body, stop - body);
            body = stop + 1;
        }
        poll_once(client);
    }
    return at - start;
}

static void readable(struct line *line) {
    ssize_t got = read(line->socket, reserve(&line->in, READ_BYTES), READ_BYTES);
    if (got == 0) errno = 0;
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) fail("a server closed a connection");
        return;
    }
    line->in.length += got;
    char *start = line->in.at, *end = start + line->in.length;
    size_t used = polls ? responses(line, start, end) : frames(line->client, start, end);
    line->in.length -= used;
    if (used && line->in.length) memmove(start, start + used, line->in.length);
    if (!line->in.length && !pairs) { /* ten thousand idle clients need no buffers */
        free(line->in.at);
        line->in = (struct bytes){0};
    }
}

/* The loop */

static void turn(int timeout_ms) {
    struct epoll_event events[MAX_EVENTS];
    int ready = epoll_wait(epoll, events, MAX_EVENTS, dirty_lines ? 1 : timeout_ms);
    for (int i = 0; i < ready; i++) {
        if (events[i].data.ptr == NULL) exit(0); /* standard input has ended */
        readable(events[i].data.ptr);
    }
    flush();
}

static void run_for(double seconds) {
    uint64_t until = now() + (uint64_t)(seconds * 1e9), at;
    while ((at = now()) < until) turn((until - at) / 1000000 + 1);
}

static void wait_for(const long *counter, long target, const char *what) {
    uint64_t until = now() + 120ull * 1000000000;
    while (*counter < target) {
        turn(1000);
        errno = 0;
        if (now() > until || refused) fail(what);
    }
}

static void dial(struct line *line, struct client *client, int posts) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;
    address.sin_port = htons(port);
    line->socket = socket(AF_INET, SOCK_STREAM, 0);
    line->client = client;
    line->posts = posts;
    if (line->socket < 0 || connect(line->socket, (struct sockaddr *)&address, sizeof address))
        fail("cannot connect");
    setsockopt(line->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = line};
    epoll_ctl(epoll, EPOLL_CTL_ADD, line->socket, &event);
}

static void open_client(struct client *client, int number) {
    client->number = number;
    dial(&client->main, client, 0);
    if (polls) {
        dial(&client->post, client, 1);
        poll_once(client);
        return;
    }
    char request[320];
    int length = sprintf(request,
                         "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
                         "Host: 127.0.0.1:%ld\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                         "Sec-WebSocket-Version: 13\r\n\r\n",
                         port);
    append(&client->main.out, request, length);
    wake(&client->main);
}

static void open_all(long count) {
    all = calloc(count, sizeof *all);
    dirty = calloc(count * 2, sizeof *dirty);
    if (all == NULL || dirty == NULL) fail("no memory");
    for (long i = 0; i < count; i++) {
        wait_for(&identified, i - parallel + 1, "clients did not get their IDs");
        open_client(all + i, i);
        turn(0);
    }
    wait_for(&identified, count, "clients did not get their IDs");
}

static void relay(void) {
    open_all(pairs * 2);
    for (long i = 0; i < pairs * 2; i++) all[i].peer = all + (i ^ 1);
    for (long i = 0; links && i < pairs * 2; i += 2) {
        char request[256];
        sprintf(request, "42[\"link_request\",{\"targetClientId\":\"%s\"}]", all[i + 1].id);
        send_text(all + i, request);
    }
    if (links) wait_for(&linked, pairs * 2, "pairs were not linked");
    for (long i = 0; i < pairs * 2; i++) make_message(all + i);
    running = 1;
    for (long i = 0; i < pairs * 2; i += 2)
        for (long k = 0; k < flight; k++) send_message(all + i);
    run_for(warmup);

    long delivered_before = delivered, acked_before = acked;
    printf("start\n");
    fflush(stdout);
    double cpu = own_cpu();
    uint64_t from = now();
    measuring = 1;
    run_for(seconds);
    double lasted = (now() - from) / 1e9;
    cpu = own_cpu() - cpu;
    printf("{\"delivered\":%ld,\"acked\":%ld,\"refused\":%ld,\"seconds\":%.6f,\"load_cpu\":%.4f,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f,\"ack_p50_us\":%.1f,\"ack_p99_us\":%.1f}\n",
           delivered - delivered_before, acked - acked_before, refused, lasted, cpu / lasted,
           quantile_us(latencies, 0.5), quantile_us(latencies, 0.99),
           quantile_us(ack_latencies, 0.5), quantile_us(ack_latencies, 0.99));
}

static void idle(void) {
    uint64_t from = now();
    double cpu = own_cpu();
    pairs = 0;
    open_all(clients);
    double lasted = (now() - from) / 1e9;
    printf("connected {\"clients\":%ld,\"seconds\":%.6f,\"load_cpu\":%.4f}\n", identified, lasted,
           (own_cpu() - cpu) / lasted);
    fflush(stdout);
    struct epoll_event event = {.events = EPOLLIN | EPOLLHUP, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event);
    for (;;) turn(-1);
}

static void option(const char *key, const char *value) {
    struct {
        const char *key;
        long *number;
    } numbers[] = {{"pairs", &pairs}, {"flight", &flight},   {"size", &size},        {"acks", &acks},
                   {"ids", &ids},     {"clients", &clients}, {"parallel", &parallel}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(key, numbers[i].key) == 0) {
            *numbers[i].number = atol(value);
            return;
        }
    if (strcmp(key, "dialect") == 0) dialect = value;
    else if (strcmp(key, "transport") == 0) transport = value;
    else if (strcmp(key, "warmup") == 0) warmup = atof(value);
    else if (strcmp(key, "seconds") == 0) seconds = atof(value);
    else fail("unknown key");
}

int main(int count, char **arguments) {
    struct rlimit files = {65536, 65536};
    if (count < 3) {
        fprintf(stderr, "Usage: load relay|idle PORT KEY=VALUE...\n");
        return 2;
    }
    port = atol(arguments[2]);
    for (int i = 3; i < count; i++) {
        char *value = strchr(arguments[i], '=');
        if (value == NULL) fail("options are KEY=VALUE");
        *value = 0;
        option(arguments[i], value + 1);
    }
    bare = strcmp(dialect, "bare") == 0;
    links = strcmp(dialect, "duologue") == 0;
    polls = strcmp(transport, "polling") == 0;
    if (flight >= RING) fail("too many in flight");
    signal(SIGPIPE, SIG_IGN);
    setrlimit(RLIMIT_NOFILE, &files);
    epoll = epoll_create1(0);
    if (strcmp(arguments[1], "relay") == 0) relay();
    else if (strcmp(arguments[1], "idle") == 0) idle();
    else fail("relay or idle?");
    return 0;
}
