/*
 * nvidia-smi, as far as programs ask it:
 *
 *     nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
 *
 * A field whose value has no meaning here is "[N/A]", which a real one says too where a card cannot tell.
 */
#include <stdio.h>
#include <string.h>

#include "driver.h"

/* The oldest release, or one soon after it, that knows the encoder's API. */
static const char *driver_version(void)
{
    static const struct { int nvenc; const char *release; } releases[] = {
        {13 << 4 | 1, "610.43.02"}, {13 << 4, "570.86.10"}, {12 << 4 | 2, "550.54.14"}, {11 << 4 | 1, "470.57.02"},
    };
    for (size_t i = 0; i < sizeof releases / sizeof *releases; i++)
        if (nvenc_version() >= releases[i].nvenc)
            return releases[i].release;
    return "450.80.02";
}

static void print_field(const char *field)
{
    if (!strcmp(field, "name"))
        printf("%s", personality()->name);
    else if (!strcmp(field, "driver_version"))
        printf("%s", driver_version());
    else if (!strcmp(field, "memory.total"))
        printf("%d MiB", memory_limit_mb());
    else if (!strcmp(field, "compute_cap"))
        printf("%d.%d", personality()->capability / 10, personality()->capability % 10);
    else
        printf("[N/A]");
}

static int refuse(void)
{
    if (personality()->init_error == CUDA_DRIVER_MISMATCH) {
        printf("Failed to initialize NVML: Driver/library version mismatch\n");
        return 18;
    }
    printf("No devices were found\n");
    return 6;
}

int main(int count, char **arguments)
{
    static const char query[] = "--query-gpu=";
    if (!personality()->devices)
        return refuse();
    for (int i = 1; i < count; i++) {
        if (strncmp(arguments[i], query, strlen(query)))
            continue;
        const char *between = "";
        for (char *field = strtok(arguments[i] + strlen(query), ","); field; field = strtok(NULL, ",")) {
            printf("%s", between);
            print_field(field);
            between = ", ";
        }
        printf("\n");
        return 0;
    }
    fprintf(stderr, "softgpu: this nvidia-smi knows --query-gpu only\n");
    return 2;
}
