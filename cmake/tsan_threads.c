/*
 * C11 threads over POSIX threads, in ThreadSanitizer builds only.
 *
 * ThreadSanitizer follows pthread_*, not the thrd_*, mtx_* and cnd_* of glibc that librdkafka uses:
 * its threads crash in the first function that is watched, and what its locks order looks like a
 * race. An executable that exports these takes their place.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

struct start {
    thrd_start_t run;
    void* arg;
};

static void* trampoline(void* p) {
    const struct start s = *(struct start*)p;
    free(p);
    return (void*)(intptr_t)s.run(s.arg);
}

static int result_of(int error) {
    switch (error) {
        case 0:
            return thrd_success;
        case EBUSY:
            return thrd_busy;
        case ETIMEDOUT:
            return thrd_timedout;
        case ENOMEM:
            return thrd_nomem;
        default:
            return thrd_error;
    }
}

int thrd_create(thrd_t* thread, thrd_start_t run, void* arg) {
    struct start* s = malloc(sizeof *s);
    if (!s) return thrd_nomem;
    s->run = run;
    s->arg = arg;
    const int error = pthread_create(thread, NULL, trampoline, s);
    if (error) free(s);
    return result_of(error);
}

int thrd_join(thrd_t thread, int* result) {
    void* returned = NULL;
    const int error = pthread_join(thread, &returned);
    if (!error && result) *result = (int)(intptr_t)returned;
    return result_of(error);
}

int thrd_detach(thrd_t thread) {
    return result_of(pthread_detach(thread));
}

int mtx_init(mtx_t* m, int type) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(
        &attributes, type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
    const int error = pthread_mutex_init((pthread_mutex_t*)m, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return result_of(error);
}
void mtx_destroy(mtx_t* m) {
    pthread_mutex_destroy((pthread_mutex_t*)m);
}
int mtx_lock(mtx_t* m) {
    return result_of(pthread_mutex_lock((pthread_mutex_t*)m));
}
int mtx_trylock(mtx_t* m) {
    return result_of(pthread_mutex_trylock((pthread_mutex_t*)m));
}
int mtx_unlock(mtx_t* m) {
    return result_of(pthread_mutex_unlock((pthread_mutex_t*)m));
}

int cnd_init(cnd_t* c) {
    return result_of(pthread_cond_init((pthread_cond_t*)c, NULL));
}
void cnd_destroy(cnd_t* c) {
    pthread_cond_destroy((pthread_cond_t*)c);
}
int cnd_signal(cnd_t* c) {
    return result_of(pthread_cond_signal((pthread_cond_t*)c));
}
int cnd_broadcast(cnd_t* c) {
    return result_of(pthread_cond_broadcast((pthread_cond_t*)c));
}
int cnd_wait(cnd_t* c, mtx_t* m) {
    return result_of(pthread_cond_wait((pthread_cond_t*)c, (pthread_mutex_t*)m));
}
int cnd_timedwait(cnd_t* restrict c, mtx_t* restrict m, const struct timespec* restrict until) {
    return result_of(pthread_cond_timedwait((pthread_cond_t*)c, (pthread_mutex_t*)m, until));
}

/* librdkafka is not instrumented: what its atomic reference counts order is not seen either. */
const char* __tsan_default_suppressions(void);
const char* __tsan_default_suppressions(void) {
    return "race:librdkafka.so\n";
}
