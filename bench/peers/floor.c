/* The floor: what the work costs when nothing but the work is done.
 *
 * One thread, epoll, a relay of messages between clients that speak Socket.IO over WebSocket. It
 * knows just enough of the protocols to be talked to: it checks nothing, forgets nobody, sends no
 * heartbeats. One read per wake-up of a socket, one write per message; with
 * `gather`, one write per socket and turn of the loop instead.
 *
 *     floor PORT [gather]
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { MAX_CLIENTS = 65536, MAX_EVENTS = 1024, READ_BYTES = 65536 };

struct bytes {
    unsigned char *at;
    size_t length, room;
};

struct client {
    int socket, upgraded, dirty;
    char id[37];
    struct bytes in, out;
};

static struct client *by_number[MAX_CLIENTS];
static struct client *dirty[MAX_CLIENTS];
static int clients, dirty_clients, gather;

static unsigned char *reserve(struct bytes *bytes, size_t more) {
    if (bytes->length + more > bytes->room) {
        bytes->room = (bytes->length + more) * 2;
        bytes->at = realloc(bytes->at, bytes->room);
        if (bytes->at == NULL) abort();
    }
    return bytes->at + bytes->length;
}

static void append(struct client *to, const void *data, size_t size) {
    memcpy(reserve(&to->out, size), data, size);
    to->out.length += size;
}

static int write_out(struct client *client) {
    ssize_t sent = client->socket < 0
                       ? (ssize_t)client->out.length
                       : write(client->socket, client->out.at, client->out.length);
    if (sent < 0 && errno != EAGAIN) sent = client->out.length;
    if (sent < 0) sent = 0;
    client->out.length -= sent;
    if (client->out.length)
        memmove(client->out.at, client->out.at + sent, client->out.length);
    return !client->out.length;
}

static void finish(struct client *to) {
    if (!to->dirty && (gather || !write_out(to))) {
        to->dirty = 1;
        dirty[dirty_clients++] = to;
    }
}

static void send_header(struct client *to, size_t size) {
    unsigned char header[10] = {0x81};
    if (size < 126) {
        header[1] = size;
        append(to, header, 2);
    } else if (size < 65536) {
        header[1] = 126;
        header[2] = size >> 8;
        header[3] = size;
        append(to, header, 4);
    } else {
        header[1] = 127;
        for (int i = 0; i < 8; i++) header[2 + i] = (unsigned long long)size >> (56 - 8 * i);
        append(to, header, 10);
    }
}

static void send_text(struct client *to, const char *text) {
    send_header(to, strlen(text));
    append(to, text, strlen(text));
    finish(to);
}

/* A frame's payload, unmasked. `["message",{"targetClientId":"ID", ... "message":"TEXT"}]` */
static void received(struct client *from, char *text, size_t size) {
    static const char target_key[] = "\"targetClientId\":\"", text_key[] = "\"message\":\"";
    char answer[160];
    if (size == 2 && memcmp(text, "40", 2) == 0) {
        send_text(from, "40{\"sid\":\"0\"}");
        sprintf(answer, "42[\"client_id\",{\"clientId\":\"%s\"}]", from->id);
        send_text(from, answer);
        return;
    }
    char *digits = text + 2, *array = memchr(text, '[', size < 24 ? size : 24);
    if (array == NULL || size < 13 || memcmp(array, "[\"message\",", 11) != 0) return;
    char *target = memmem(array, size, target_key, sizeof target_key - 1);
    char *content = memmem(array + 11, size - 13, text_key, sizeof text_key - 1);
    if (target == NULL || content == NULL) return;
    /* IDs look like UUIDs and end in the client's number */
    struct client *to = by_number[atoi(target + sizeof target_key - 1 + 24) % MAX_CLIENTS];
    if (to == NULL) return;
    content += sizeof text_key - 1;
    size_t length = (char *)memrchr(text, '"', size) - content;
    int head = sprintf(answer, "42[\"message\",{\"from\":\"%s\",\"content\":\"", from->id);
    send_header(to, head + length + 3);
    append(to, answer, head);
    append(to, content, length);
    append(to, "\"}]", 3);
    finish(to);
    if (array > digits) {
        int ack = sprintf(answer, "43%.*s[]", (int)(array - digits), digits);
        send_header(from, ack);
        append(from, answer, ack);
        finish(from);
    }
}

static void upgrade(struct client *client) {
    /* Every load generator of ours sends the key of RFC 6455's own example */
    static const char answer[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    append(client, answer, sizeof answer - 1);
    send_text(client, "0{\"sid\":\"0\",\"upgrades\":[],\"pingInterval\":25000,"
                      "\"pingTimeout\":20000,\"maxPayload\":1000000}");
    client->upgraded = 1;
}

static size_t parse(struct client *client) {
    unsigned char *start = client->in.at, *at = start, *end = start + client->in.length;
    if (!client->upgraded) {
        unsigned char *blank = memmem(at, end - at, "\r\n\r\n", 4);
        if (blank == NULL) return 0;
        at = blank + 4;
        upgrade(client);
    }
    while (end - at >= 6) {
        unsigned long long length = at[1] & 127;
        size_t header = 6;
        if (length == 126) {
            if (end - at < 8) break;
            length = at[2] << 8 | at[3];
            header = 8;
        } else if (length == 127) {
            if (end - at < 14) break;
            length = 0;
            for (int i = 0; i < 8; i++) length = length << 8 | at[2 + i];
            header = 14;
        }
        if ((unsigned long long)(end - at) < header + length) break;
        unsigned char *key = at + header - 4, *payload = at + header;
        for (size_t i = 0; i < length; i++) payload[i] ^= key[i & 3];
        if ((at[0] & 15) == 1) received(client, (char *)payload, length);
        at = payload + length;
    }
    return at - start;
}

static void gone(struct client *client) {
    by_number[atoi(client->id + 24)] = NULL;
    close(client->socket);
    client->socket = -1;
}

static void readable(struct client *client) {
    ssize_t got = read(client->socket, reserve(&client->in, READ_BYTES), READ_BYTES);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) gone(client);
        return;
    }
    client->in.length += got;
    size_t used = parse(client);
    client->in.length -= used;
    if (used && client->in.length) memmove(client->in.at, client->in.at + used, client->in.length);
}

static void flush(void) {
    int left = 0;
    for (int i = 0; i < dirty_clients; i++) {
        if (write_out(dirty[i]))
            dirty[i]->dirty = 0;
        else
            dirty[left++] = dirty[i];
    }
    dirty_clients = left;
}

static void accept_all(int listener, int epoll) {
    int socket, yes = 1;
    while ((socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct client *client = clients < MAX_CLIENTS ? calloc(1, sizeof *client) : NULL;
        if (client == NULL) abort();
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        client->socket = socket;
        sprintf(client->id, "00000000-0000-4000-8000-%012d", clients);
        by_number[clients++] = client;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
    }
}

int main(int count, char **arguments) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (count < 2) {
        fprintf(stderr, "Usage: floor PORT [gather]\n");
        return 2;
    }
    gather = count > 2 && strcmp(arguments[2], "gather") == 0;
    signal(SIGPIPE, SIG_IGN);
    address.sin_port = htons(atoi(arguments[1]));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 2048)) {
        perror("floor");
        return 3;
    }
    int epoll = epoll_create1(0);
    struct epoll_event events[MAX_EVENTS], event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(epoll, events, MAX_EVENTS, dirty_clients ? 1 : -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr == NULL)
                accept_all(listener, epoll);
            else
                readable(events[i].data.ptr);
        }
        flush();
    }
}
