/*
 * Kernels are compiled when they are first launched, since filters look up hundreds that they never run. The compiled
 * library is kept in SOFTGPU_KERNELS under the hash of its C source: a second FFmpeg finds it there, and two that
 * compile the same at the same time each rename a whole file into place.
 */
#include "launch.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver.h"
#include "ptx.h"

extern char **environ;

/* FNV-1a, 64 bits. */
static uint64_t hash(const char *text)
{
    uint64_t value = 0xcbf29ce484222325;
    for (; *text; text++)
        value = (value ^ (uint8_t)*text) * 0x100000001b3;
    return value;
}

/* The folder of this library, where the build has put kernel.h too. A container without video has a link to it. */
static void own_folder(char *folder)
{
    Dl_info here;
    dladdr((void *)own_folder, &here);
    if (!realpath(here.dli_fname, folder))
        snprintf(folder, PATH_MAX, "%s", here.dli_fname);
    *strrchr(folder, '/') = 0;
}


static bool run_compiler(const char *source, const char *library)
{
    char include[PATH_MAX + 2] = "-I";
    const char *compiler = getenv("CC") ? getenv("CC") : "gcc";
    pid_t process;
    int status;

    own_folder(include + 2);
    /* -ffp-contract=off: only PTX's own fma may fuse. -fwrapv: its integers wrap around. */
    char *arguments[] = {(char *)compiler, "-w", "-O2", "-march=native", "-ffp-contract=off", "-fno-math-errno",
                         "-fwrapv", "-fno-strict-aliasing", "-shared", "-fPIC", include, "-o", (char *)library,
                         (char *)source, "-lm", NULL};
    if (posix_spawnp(&process, compiler, NULL, NULL, arguments, environ))
        return false;
    while (waitpid(process, &status, 0) < 0)
        ;
    return WIFEXITED(status) && !WEXITSTATUS(status);
}

static bool write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return false;
    bool written = fputs(text, file) >= 0;
    return !fclose(file) && written;
}

static bool build_library(const char *c, const char *library)
{
    char source[PATH_MAX + 40], unfinished[PATH_MAX + 40];
    snprintf(source, sizeof source, "%s.%d.c", library, getpid());
    snprintf(unfinished, sizeof unfinished, "%s.%d", library, getpid());
    bool built = write_file(source, c) && run_compiler(source, unfinished) && !rename(unfinished, library);
    unlink(source);
    return built;
}

static Kernel *load(const char *c, const char *name)
{
    char library[PATH_MAX];
    const char *folder = getenv("SOFTGPU_KERNELS");
    snprintf(library, sizeof library, "%s/%016lx.so", folder ? folder : "/tmp", (unsigned long)hash(c));
    if (access(library, R_OK) && !build_library(c, library)) {
        trace("complaint kernel %s: the C compiler failed", name);
        return NULL;
    }
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        trace("complaint kernel %s: %s", name, dlerror());
    return handle ? (Kernel *)dlsym(handle, "kernel") : NULL;
}

Kernel *compile_kernel(const char *module, const char *name)
{
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&one_at_a_time);
    char *c = ptx_to_c(module, name);
    Kernel *kernel = c ? load(c, name) : NULL;
    free(c);
    pthread_mutex_unlock(&one_at_a_time);
    return kernel;
}
