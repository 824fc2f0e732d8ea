// Connections within this machine, over IPv4, IPv6 and Unix sockets.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "descriptors.h"

#define NO_TUPLE "\"tuple\":null"

static void internet(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, other;
    socklen_t size = sizeof at;
    long s = works(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 6);
    say("SOCKET_SOCKET_X", "\"fd\":%ld,\"domain\":{\"flags\":[\"AF_INET\"]},\"type\":%d,\"proto\":6,\"flags\":{\"any\":\"of newer drivers\"}",
        s, SOCK_STREAM | SOCK_CLOEXEC);
    int one = 1;
    must(0, SYS_setsockopt, (int)s, SOL_SOCKET, SO_REUSEADDR, &one, 4);
    say("SOCKET_SETSOCKOPT_X", "\"res\":0,\"fd\":%ld,\"level\":{\"flags\":[\"SOL_SOCKET\"]},\"optname\":{\"flags\":[\"SO_REUSEADDR\"]},"
        "\"val\":{\"dyn\":1},\"optlen\":4", s);
    must(0, SYS_bind, (int)s, &at, (int)sizeof at);
    say("SOCKET_BIND_X", "\"res\":0,\"addr\":{\"inet\":[\"127.0.0.1\",0]},\"fd\":%ld", s);
    must(0, SYS_getsockname, (int)s, &at, &size);
    say("SOCKET_GETSOCKNAME_X", "");
    int port = ntohs(at.sin_port);
    must(0, SYS_listen, (int)s, 5);
    say("SOCKET_LISTEN_X", "\"res\":0,\"fd\":%ld,\"backlog\":5", s);
    long c = works(SYS_socket, AF_INET, SOCK_STREAM, 0);
    say("SOCKET_SOCKET_X", "\"fd\":%ld,\"domain\":{\"flags\":[\"AF_INET\"]},\"type\":1,\"proto\":0,\"flags\":{\"any\":\"of newer drivers\"}", c);
    // The client's port is known after the call only: room is left.
    must(0, SYS_connect, (int)c, &at, (int)sizeof at);
    size = sizeof other;
    must(0, SYS_getsockname, (int)c, &other, &size);
    int mine = ntohs(other.sin_port);
#define THERE "\"tuple\":{\"tuple\":[\"127.0.0.1\",%d,\"127.0.0.1\",%d]}"
    say("SOCKET_CONNECT_X", "\"res\":0," THERE ",\"fd\":%ld,\"addr\":{\"inet\":[\"127.0.0.1\",%d]}", mine, port, c, port);
    field("fd.name", "\"127.0.0.1:%d->127.0.0.1:%d\"", mine, port);
    field("fd.type", "\"ipv4\"");
    field("fd.l4proto", "\"tcp\"");
    field("fd.typechar", "\"4\"");
    field("fd.sockfamily", "\"ip\"");
    field("fd.connected", "true");
    field("fd.cip", "\"127.0.0.1\"");
    field("fd.sip", "\"127.0.0.1\"");
    field("fd.cport", "%d", mine);
    field("fd.sport", "%d", port);
    field("fd.num", "%ld", c);
    say("SOCKET_GETSOCKNAME_X", "");
    long a = works(SYS_accept4, (int)s, NULL, NULL, SOCK_NONBLOCK);
    say("SOCKET_ACCEPT4_6_X", "\"fd\":%ld," THERE ",\"queuepct\":0,\"queuelen\":0,\"queuemax\":5,\"flags\":{\"any\":\"0 in the driver\"}",
        a, mine, port);
    field("fd.name", "\"127.0.0.1:%d->127.0.0.1:%d\"", mine, port);
    char buffer[64];
    must(5, SYS_sendto, (int)c, "hello", 5L, 0, NULL, 0);
    say("SOCKET_SENDTO_X", "\"res\":5,\"data\":\"hello\",\"fd\":%ld,\"size\":5,\"tuple\":{\"any\":\"of the connection\"}", c);
    must(5, SYS_recvfrom, (int)a, buffer, 64L, 0, NULL, NULL);
    say("SOCKET_RECVFROM_X", "\"res\":5,\"data\":\"hello\",\"tuple\":{\"any\":\"of the connection\"},\"fd\":%ld,\"size\":64", a);
    struct iovec part = {buffer, 64}, out = {"reply", 5};
    struct msghdr message = {.msg_iov = &out, .msg_iovlen = 1};
    must(5, SYS_sendmsg, (int)a, &message, 0);
    say("SOCKET_SENDMSG_X", "\"res\":5,\"data\":\"reply\",\"fd\":%ld,\"size\":5,\"tuple\":{\"any\":\"of the connection\"}", a);
    message.msg_iov = &part;
    must(5, SYS_recvmsg, (int)c, &message, 0);
    say("SOCKET_RECVMSG_X", "\"res\":5,\"size\":5,\"data\":\"reply\",\"tuple\":{\"any\":\"of the connection\"},\"msgcontrol\":null,\"fd\":%ld", c);
    int error = 77;
    size = 4;
    must(0, SYS_getsockopt, (int)c, SOL_SOCKET, SO_ERROR, &error, &size);
    say("SOCKET_GETSOCKOPT_X", "\"res\":0,\"fd\":%ld,\"level\":{\"flags\":[\"SOL_SOCKET\"]},\"optname\":{\"flags\":[\"SO_ERROR\"]},"
        "\"val\":{\"dyn\":0},\"optlen\":4", c);
    must(0, SYS_shutdown, (int)c, SHUT_WR);
    say("SOCKET_SHUTDOWN_X", "\"res\":0,\"fd\":%ld,\"how\":{\"flags\":[\"SHUT_WR\"]}", c);
    closed(a);
    closed(c);
    field("fd.name", "\"127.0.0.1:%d->127.0.0.1:%d\"", mine, port);
    closed(s);
    c = works(SYS_socket, AF_INET, SOCK_STREAM, 0);
    say("SOCKET_SOCKET_X", "\"fd\":%ld,\"domain\":{\"flags\":[\"AF_INET\"]},\"type\":1,\"proto\":0,\"flags\":{\"any\":\"of newer drivers\"}", c);
    must(-ECONNREFUSED, SYS_connect, (int)c, &at, (int)sizeof at);
    say("SOCKET_CONNECT_X", "\"res\":-111,\"tuple\":{\"any\":\"no connection\"},\"fd\":%ld,\"addr\":{\"inet\":[\"127.0.0.1\",%d]}", c, port);
    closed(c);
}

static void datagrams(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    long r = works(SYS_socket, AF_INET, SOCK_DGRAM, 0);
    say("SOCKET_SOCKET_X", "\"fd\":%ld,\"domain\":{\"flags\":[\"AF_INET\"]},\"type\":2,\"proto\":0,\"flags\":{\"any\":\"of newer drivers\"}", r);
    must(0, SYS_bind, (int)r, &at, (int)sizeof at);
    say("SOCKET_BIND_X", "\"res\":0,\"addr\":{\"inet\":[\"127.0.0.1\",0]},\"fd\":%ld", r);
    must(0, SYS_getsockname, (int)r, &at, &size);
    say("SOCKET_GETSOCKNAME_X", "");
    long s = works(SYS_socket, AF_INET, SOCK_DGRAM, 0);
    say("SOCKET_SOCKET_X", "\"fd\":%ld,\"domain\":{\"flags\":[\"AF_INET\"]},\"type\":2,\"proto\":0,\"flags\":{\"any\":\"of newer drivers\"}", s);
    must(3, SYS_sendto, (int)s, "udp", 3L, 0, &at, (int)sizeof at);
    say("SOCKET_SENDTO_X", "\"res\":3,\"data\":\"udp\",\"fd\":%ld,\"size\":3,\"tuple\":{\"to\":[\"127.0.0.1\",%d]}", s, ntohs(at.sin_port));
    field("fd.sport", "%d", ntohs(at.sin_port));
    field("fd.l4proto", "\"udp\"");
    closed(s);
    closed(r);
}

static void internet6(void) {
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}, other;
    socklen_t size = sizeof at;
    long s = works(SYS_socket, AF_INET6, SOCK_STREAM, 0);
    say("SOCKET_SOCKET_X", "\"fd\":%ld,\"domain\":{\"flags\":[\"AF_INET6\"]},\"type\":1,\"proto\":0,\"flags\":{\"any\":\"of newer drivers\"}", s);
    must(0, SYS_bind, (int)s, &at, (int)sizeof at);
    say("SOCKET_BIND_X", "\"res\":0,\"addr\":{\"inet\":[\"::1\",0]},\"fd\":%ld", s);
    must(0, SYS_getsockname, (int)s, &at, &size);
    say("SOCKET_GETSOCKNAME_X", "");
    int port = ntohs(at.sin6_port);
    must(0, SYS_listen, (int)s, 9);
    say("SOCKET_LISTEN_X", "\"res\":0,\"fd\":%ld,\"backlog\":9", s);
    long c = works(SYS_socket, AF_INET6, SOCK_STREAM, 0);
    say("SOCKET_SOCKET_X", "\"fd\":%ld,\"domain\":{\"flags\":[\"AF_INET6\"]},\"type\":1,\"proto\":0,\"flags\":{\"any\":\"of newer drivers\"}", c);
    must(0, SYS_connect, (int)c, &at, (int)sizeof at);
    size = sizeof other;
    must(0, SYS_getsockname, (int)c, &other, &size);
    int mine = ntohs(other.sin6_port);
    say("SOCKET_CONNECT_X", "\"res\":0,\"tuple\":{\"tuple\":[\"::1\",%d,\"::1\",%d]},\"fd\":%ld,\"addr\":{\"inet\":[\"::1\",%d]}", mine, port, c, port);
    field("fd.name", "\"::1:%d->::1:%d\"", mine, port);
    field("fd.type", "\"ipv6\"");
    field("fd.typechar", "\"6\"");
    field("fd.cip", "\"::1\"");
    field("fd.cport", "%d", mine);
    field("fd.sport", "%d", port);
    say("SOCKET_GETSOCKNAME_X", "");
#ifdef SYS_accept
    long a = works(SYS_accept, (int)s, NULL, NULL);
    say("SOCKET_ACCEPT_5_X", "\"fd\":%ld,\"tuple\":{\"tuple\":[\"::1\",%d,\"::1\",%d]},\"queuepct\":0,\"queuelen\":0,\"queuemax\":9", a, mine, port);
    closed(a);
#endif
    closed(c);
    closed(s);
}

static void local(void) {
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "sock"};
    long s = works(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
    say("SOCKET_SOCKET_X", "\"fd\":%ld,\"domain\":{\"flags\":[\"AF_UNIX\"]},\"type\":1,\"proto\":0,\"flags\":{\"any\":\"of newer drivers\"}", s);
    must(0, SYS_bind, (int)s, &at, (int)sizeof at);
    say("SOCKET_BIND_X", "\"res\":0,\"addr\":{\"unix\":\"sock\"},\"fd\":%ld", s);
    must(0, SYS_listen, (int)s, 3);
    say("SOCKET_LISTEN_X", "\"res\":0,\"fd\":%ld,\"backlog\":3", s);
    long c = works(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
    say("SOCKET_SOCKET_X", "\"fd\":%ld,\"domain\":{\"flags\":[\"AF_UNIX\"]},\"type\":1,\"proto\":0,\"flags\":{\"any\":\"of newer drivers\"}", c);
    must(0, SYS_connect, (int)c, &at, (int)sizeof at);
    say("SOCKET_CONNECT_X", "\"res\":0,\"tuple\":{\"unix_tuple\":\"sock\"},\"fd\":%ld,\"addr\":{\"unix\":\"sock\"}", c);
    field("fd.type", "\"unix\"");
    field("fd.typechar", "\"u\"");
    field("fd.sockfamily", "\"unix\"");
    long a = works(SYS_accept4, (int)s, NULL, NULL, 0);
    say("SOCKET_ACCEPT4_6_X", "\"fd\":%ld,\"tuple\":{\"unix_tuple\":\"sock\"},\"queuepct\":{\"any\":\"\"},\"queuelen\":{\"any\":\"\"},"
        "\"queuemax\":{\"any\":\"\"},\"flags\":{\"any\":\"0 in the driver\"}", a);
    closed(a);
    closed(c);
    closed(s);
    int pair[2];
    must(0, SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, pair);
    say("SOCKET_SOCKETPAIR_X", "\"res\":0,\"fd1\":%d,\"fd2\":%d,\"source\":{\"any\":\"an address\"},\"peer\":{\"any\":\"an address\"},"
        "\"domain\":{\"flags\":[\"AF_UNIX\"]},\"type\":2,\"proto\":0", pair[0], pair[1]);
    closed(pair[0]);
    closed(pair[1]);
}
