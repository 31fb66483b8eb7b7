#include "core/target.h"

#include "test.h"

static cp_target target;

static bool reads(const char *url)
{
    return cp_target_read(cp_slice_of(url), &target) == CP_OK;
}

static bool is_loopback(const char *url)
{
    CHECK(reads(url));
    return cp_target_is_loopback(&target);
}

static void check_authority(const char *url, const char *expected)
{
    char authority[160];
    CHECK(reads(url));
    CHECK_INT(cp_target_authority(&target, authority, sizeof authority), (int)strlen(expected));
    CHECK_TEXT(authority, expected);
}

TEST(a_bare_host_is_https)
{
    CHECK(reads("Example.COM"));
    CHECK(target.tls);
    CHECK_TEXT(target.host, "example.com");
    CHECK_INT(target.port, 443);
    CHECK_TEXT(target.prefix, "");
}

TEST(a_url_gives_all_its_parts)
{
    CHECK(reads("HTTP://127.0.0.1:8080/some/where//"));
    CHECK(!target.tls);
    CHECK_TEXT(target.host, "127.0.0.1");
    CHECK_INT(target.port, 8080);
    CHECK_TEXT(target.prefix, "/some/where");
    CHECK(reads("https://h:1/"));
    CHECK(target.tls);
    CHECK_INT(target.port, 1);
    CHECK_TEXT(target.prefix, "");
}

TEST(an_ipv6_address_loses_its_brackets)
{
    CHECK(reads("http://[2001:DB8::1]:65535/x"));
    CHECK_TEXT(target.host, "2001:db8::1");
    CHECK_INT(target.port, 65535);
    CHECK_TEXT(target.prefix, "/x");
}

TEST(what_is_no_host_and_no_url_is_refused)
{
    static const char *const bad[] = {
        "",
        "https://",
        "http:///path",
        ":443",
        "ftp://host",
        "wss://host",
        "https://https://host",
        "user@host",
        "user:word@host",
        "https://user:word@host/",
        "host:",
        "host:/",
        "host:0",
        "host:65536",
        "host:99999999999999999999",
        "host:+1",
        "host:1x",
        "host: 1",
        ".host",
        "host.",
        "a..b",
        "ho st",
        "host\r\nX: y",
        "host/a b",
        "host/a\r\n",
        "host/?",
        "host?q",
        "host/#f",
        "host/\\",
        "h\xC3\xA4st",
        "host/\xC3\xA4",
        "[::1",
        "[::1]x",
        "[]",
        "[host]",
        "[1]",
        "[fe80::1%25eth0]",
        "::1",
        "[:::g]",
        "host\x7F",
        " host",
        "host ",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_TEXT(reads(bad[i]) ? bad[i] : "refused", "refused");
        CHECK_TEXT(target.host, "");
    }
    CHECK_INT(cp_target_read(CP_ABSENT_SLICE, &target), CP_ERR_ARGUMENT);
    CHECK_INT(cp_target_read((cp_slice){"host\0x", 6}, &target), CP_ERR_ARGUMENT);
}

TEST(host_and_prefix_fit_or_are_refused)
{
    char url[400] = "";
    memset(url, 'a', 127);
    CHECK(reads(url));
    CHECK_INT(strlen(target.host), 127);
    url[127] = 'a';
    CHECK(!reads(url));

    memset(url, 'a', 300);
    url[1] = '/';
    url[2 + 126] = '\0';
    CHECK(reads(url));
    CHECK_INT(strlen(target.prefix), 127);
    url[2 + 126] = 'a';
    CHECK(!reads(url));
}

TEST(only_this_machine_is_loopback)
{
    CHECK(is_loopback("http://127.0.0.1:80"));
    CHECK(is_loopback("127.255.0.9"));
    CHECK(is_loopback("LocalHost"));
    CHECK(is_loopback("[::1]"));
    CHECK(!is_loopback("127.0.0.1.example.com"));
    CHECK(!is_loopback("127.example.com"));
    CHECK(!is_loopback("127.1"));
    CHECK(!is_loopback("127.0.0.256"));
    CHECK(!is_loopback("0127.0.0.1"));
    CHECK(!is_loopback("127.0.0.01"));
    CHECK(!is_loopback("127.0.0.1x"));
    CHECK(!is_loopback("127.0.0.0.1"));
    CHECK(!is_loopback("128.0.0.1"));
    CHECK(!is_loopback("localhost.example.com"));
    CHECK(!is_loopback("[::2]"));
    CHECK(!is_loopback("0.0.0.0"));
}

TEST(an_authority_names_the_port_only_where_it_must)
{
    check_authority("https://host", "host");
    check_authority("https://host:443", "host");
    check_authority("http://host:80", "host");
    check_authority("https://host:80", "host:80");
    check_authority("http://host:443", "host:443");
    check_authority("[::1]:8443", "[::1]:8443");
    check_authority("[::1]", "[::1]");
}

TEST(an_authority_is_cut_like_snprintf_does)
{
    char tiny[4];
    CHECK(reads("https://example.com"));
    CHECK_INT(cp_target_authority(&target, tiny, sizeof tiny), 11);
    CHECK_TEXT(tiny, "exa");
}
