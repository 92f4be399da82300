#include "gateway/redis/tls.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

struct redis_tls_context {
    SSL_CTX *ssl;
};

struct redis_tls {
    SSL *ssl;
    BIO *in;  /* received encrypted bytes; `ssl` owns both */
    BIO *out; /* encrypted bytes to send */
    const char *trouble;
};

/* --- contexts --- */

/* The last reason in the thread's error queue, which is emptied. */
static const char *take_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return reason != NULL ? reason : "unknown reason";
}

struct redis_tls_context *redis_tls_context_create(const char *ca, struct error *error)
{
    struct redis_tls_context *context = calloc(1, sizeof *context);
    bool trusted = false;
    CHECK(context != NULL);
    ERR_clear_error();
    context->ssl = SSL_CTX_new(TLS_client_method());
    CHECK(context->ssl != NULL);
    CHECK(SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION) == 1);
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    trusted = ca[0] != '\0' ? SSL_CTX_load_verify_file(context->ssl, ca) == 1
                            : SSL_CTX_set_default_verify_paths(context->ssl) == 1;
    if (trusted)
        return context;
    error_set(error, "gateway/redis_tls_ca: cannot load CA certificates from %s: %s", ca[0] != '\0' ? ca : "the system",
              take_reason());
    redis_tls_context_destroy(&context);
    return NULL;
}

void redis_tls_context_destroy(struct redis_tls_context **context)
{
    if (*context == NULL)
        return;
    SSL_CTX_free((*context)->ssl);
    free(*context);
    *context = NULL;
}

/* --- life --- */

/* Sets the expected certificate name. SNI is sent for names only, not for addresses. */
static void expect(SSL *ssl, const char *host)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
        return;
    ERR_clear_error();
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    CHECK(SSL_set1_host(ssl, host) == 1);
    CHECK(SSL_set_tlsext_host_name(ssl, host) == 1);
}

struct redis_tls *redis_tls_create(struct redis_tls_context *context, const char *host)
{
    struct redis_tls *tls = calloc(1, sizeof *tls);
    CHECK(tls != NULL);
    tls->ssl = SSL_new(context->ssl);
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    CHECK(tls->ssl != NULL && tls->in != NULL && tls->out != NULL);
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    SSL_set_connect_state(tls->ssl);
    expect(tls->ssl, host);
    return tls;
}

void redis_tls_destroy(struct redis_tls **tls)
{
    if (*tls == NULL)
        return;
    SSL_free((*tls)->ssl);
    free(*tls);
    *tls = NULL;
}

/* --- bytes --- */

/* True when TLS only needs more bytes; otherwise records the reason. */
static bool can_go_on(struct redis_tls *tls, int result)
{
    int kind = SSL_get_error(tls->ssl, result);
    long verdict = SSL_get_verify_result(tls->ssl);
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
        return true;
    if (kind == SSL_ERROR_ZERO_RETURN)
        tls->trouble = "the server has ended the session";
    else if (verdict != X509_V_OK)
        tls->trouble = X509_verify_cert_error_string(verdict);
    else
        tls->trouble = take_reason();
    ERR_clear_error();
    return false;
}

void redis_tls_feed(struct redis_tls *tls, const char *bytes, size_t size)
{
    CHECK(size <= INT_MAX && BIO_write(tls->in, bytes, (int)size) == (int)size);
}

enum redis_tls_state redis_tls_shake(struct redis_tls *tls)
{
    ERR_clear_error();
    int result = SSL_do_handshake(tls->ssl);
    if (result == 1)
        return REDIS_TLS_READY;
    return can_go_on(tls, result) ? REDIS_TLS_HANDSHAKING : REDIS_TLS_FAILED;
}

ssize_t redis_tls_read(struct redis_tls *tls, char *bytes, size_t size)
{
    size_t length = 0;
    ERR_clear_error();
    int result = SSL_read_ex(tls->ssl, bytes, size, &length);
    if (result == 1)
        return (ssize_t)length;
    return can_go_on(tls, result) ? 0 : -1;
}

bool redis_tls_write(struct redis_tls *tls, const char *bytes, size_t size)
{
    size_t written = 0;
    ERR_clear_error();
    int result = SSL_write_ex(tls->ssl, bytes, size, &written); /* writes everything: the memory BIO has no limit */
    if (result == 1 && written == size)
        return true;
    if (can_go_on(tls, result))
        tls->trouble = "the server requests another handshake";
    return false;
}

void redis_tls_take(struct redis_tls *tls, struct buffer *out)
{
    char *bytes = NULL;
    long size = BIO_get_mem_data(tls->out, &bytes);
    if (size <= 0)
        return;
    buffer_append(out, bytes, (size_t)size);
    CHECK(BIO_reset(tls->out) == 1);
}

const char *redis_tls_trouble(const struct redis_tls *tls)
{
    return tls->trouble;
}
