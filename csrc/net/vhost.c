#include "net/vhost.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "net/loop.h"

#define RESPONSE_HEADERS 16384 /* lws's own default of 4 KB refuses honest servers */
#define NEVER_BY_LWS 3600 /* seconds; our own deadlines are shorter, and reported */

typedef struct vhost {
    bool tls;
    char *ca_file;
    SSL_CTX *ssl;
    struct lws_vhost *lws;
    struct vhost *next;
} vhost;

static const struct lws_protocols protocols[] = {
    {.name = "cometpresence", .callback = cp_wire_callback, .rx_buffer_size = CP_LOOP_SCRATCH},
    {.name = NULL},
};

struct lws_context_creation_info cp_vhost_description(void)
{
    struct lws_context_creation_info info;

    memset(&info, 0, sizeof info);
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.protocols = protocols;
    info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
                   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
    info.http_proxy_address = ""; /* or lws obeys the environment */
    info.pt_serv_buf_size = CP_LOOP_SCRATCH;
    info.max_http_header_data2 = RESPONSE_HEADERS;
    /* max_http_header_pool2 stays 0, as many as descriptors: lws 4.3 cuts it to 16 bits. */
    info.timeout_secs = NEVER_BY_LWS;
    info.connect_timeout_secs = NEVER_BY_LWS;
    return info;
}

void cp_vhosts_forget_errors(void)
{
    ERR_clear_error();
}

const char *cp_vhosts_tls_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

/* ---- certificates */

cp_certificate_places cp_vhosts_certificate_places(void)
{
    return (cp_certificate_places){
        .file = X509_get_default_cert_file(),
        .folder = X509_get_default_cert_dir(),
        .file_variable = X509_get_default_cert_file_env(),
        .folder_variable = X509_get_default_cert_dir_env(),
    };
}

/* After each step of a handshake.  lws forgets OpenSSL's reason before it tells us that
 * there was an error, so it is kept here: the error follows at once, on this thread. */
static void on_handshake(const SSL *ssl, int where, int result)
{
    cp_vhosts *self = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    if ((where & SSL_CB_CONNECT_EXIT) == SSL_CB_CONNECT_EXIT && result <= 0)
        self->handshake_failure = ERR_reason_error_string(ERR_peek_last_error());
}

static bool load(SSL_CTX *self, const char *ca_file)
{
    return ca_file ? SSL_CTX_load_verify_locations(self, ca_file, NULL) == 1
                   : SSL_CTX_set_default_verify_paths(self) == 1;
}

/* For plain connections too, or lws would make one of its own; but then trusting nobody,
 * since the system's store takes 50 ms to read. */
static SSL_CTX *make_ssl(cp_vhosts *owner, bool tls, const char *ca_file)
{
    SSL_CTX *self = SSL_CTX_new(TLS_client_method());

    if (self == NULL)
        return NULL;
    SSL_CTX_set_min_proto_version(self, TLS1_2_VERSION);
    SSL_CTX_set_options(self, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(self, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                               SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(self, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_app_data(self, owner);
    SSL_CTX_set_info_callback(self, on_handshake);
    if (!tls || load(self, ca_file))
        return self;
    SSL_CTX_free(self);
    return NULL;
}

static void set_failure(cp_failure *failure, const char *ca_file)
{
    char words[128];

    ERR_error_string_n(ERR_get_error(), words, sizeof words);
    ERR_clear_error();
    cp_failure_set(failure, CP_FAILURE_TLS, "ERR_TLS", "the certificates in %s cannot be used (%s)",
                   ca_file ? ca_file : "the system's store", words);
}

/* ---- vhosts */

static void free_vhost(vhost *self)
{
    SSL_CTX_free(self->ssl);
    free(self->ca_file);
    free(self);
}

void cp_vhosts_destroy(cp_vhosts *self)
{
    for (vhost *each = self->first; each != NULL; each = each->next)
        lws_vhost_destroy(each->lws);
    cp_vhosts_forget(self);
}

void cp_vhosts_forget(cp_vhosts *self)
{
    while (self->first != NULL) {
        vhost *gone = self->first;

        self->first = gone->next;
        free_vhost(gone);
    }
}

static bool is_for(const vhost *self, bool tls, const char *ca_file)
{
    if (self->tls != tls)
        return false;
    if (!tls || self->ca_file == NULL || ca_file == NULL)
        return !tls || self->ca_file == ca_file;
    return strcmp(self->ca_file, ca_file) == 0;
}

static struct lws_vhost *make_lws_vhost(struct lws_context *context, SSL_CTX *ssl)
{
    struct lws_context_creation_info info = cp_vhost_description();

    info.vhost_name = "client";
    info.provided_client_ssl_ctx = ssl;
    return lws_create_vhost(context, &info);
}

static bool make(vhost *self, cp_vhosts *owner, struct lws_context *context, const char *ca_file,
                 cp_failure *failure)
{
    self->ca_file = ca_file ? strdup(ca_file) : NULL;
    if (ca_file != NULL && self->ca_file == NULL)
        return false; /* it would be taken for that of the system's store */
    self->ssl = make_ssl(owner, self->tls, ca_file);
    if (self->ssl == NULL)
        set_failure(failure, ca_file);
    else
        self->lws = make_lws_vhost(context, self->ssl);
    return self->lws != NULL;
}

struct lws_vhost *cp_vhosts_find(cp_vhosts *self, struct lws_context *context, bool tls,
                                 const char *ca_file, cp_failure *failure)
{
    vhost *made;

    for (vhost *each = self->first; each != NULL; each = each->next) {
        if (is_for(each, tls, ca_file))
            return each->lws;
    }
    cp_failure_no_memory(failure); /* unless it turns out to be the certificates */
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    made->tls = tls;
    if (!make(made, self, context, ca_file, failure)) {
        free_vhost(made);
        return NULL;
    }
    made->next = self->first;
    self->first = made;
    return made->lws;
}
