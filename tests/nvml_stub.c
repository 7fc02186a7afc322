/* A stand-in for libnvidia-ml.so.1 that says what a text file says.
 *
 * The file is named by NVML_STUB_FILE and read anew by every call, so that a test can change what
 * a program sees while it runs. One record a line, words between blanks:
 *
 *   init CODE                                        what opening the library returns; 0 by default
 *   gpu UUID TOTAL USED UTILISATION CODE NAME...     one GPU, in order; CODE is what its calls return
 *   process GPU_NUMBER PID BYTES                     a process on it; BYTES may be "unknown"
 *
 * Only the calls that pynvml makes for the runner are here. Structures follow NVML's own layout.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, BAD_ARGUMENT = 2, NOT_FOUND = 6, TOO_SMALL = 7 };
enum { MOST_GPUS = 16, MOST_PROCESSES = 64, NO_INSTANCE = 0xFFFFFFFF };

struct process {
    unsigned pid;
    unsigned long long bytes;
    unsigned gpu_instance, compute_instance;
};

struct gpu {
    char uuid[96], name[96];
    unsigned long long total, used;
    unsigned utilisation;
    int code;
    unsigned process_count;
    struct process processes[MOST_PROCESSES];
};

struct state {
    int init_code;
    unsigned gpu_count;
    struct gpu gpus[MOST_GPUS];
};

/* A handle is the address of one of these: its distance from the first is the GPU's number. */
static char handles[MOST_GPUS];

static void read_process(struct state *state, const char *line)
{
    unsigned number, pid;
    char bytes[32];
    if (sscanf(line, "process %u %u %31s", &number, &pid, bytes) != 3 || number >= state->gpu_count)
        return;
    struct gpu *gpu = &state->gpus[number];
    if (gpu->process_count == MOST_PROCESSES)
        return;
    struct process *process = &gpu->processes[gpu->process_count++];
    process->pid = pid;
    process->bytes = strcmp(bytes, "unknown") == 0 ? UINT64_MAX : strtoull(bytes, NULL, 10);
    process->gpu_instance = process->compute_instance = NO_INSTANCE;
}

static void read_gpu(struct state *state, const char *line)
{
    if (state->gpu_count == MOST_GPUS)
        return;
    struct gpu *gpu = &state->gpus[state->gpu_count];
    if (sscanf(line, "gpu %95s %llu %llu %u %d %95[^\n]", gpu->uuid, &gpu->total, &gpu->used,
               &gpu->utilisation, &gpu->code, gpu->name) == 6)
        state->gpu_count++;
}

static void read_state(struct state *state)
{
    char line[512];
    memset(state, 0, sizeof *state);
    const char *path = getenv("NVML_STUB_FILE");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file)
        return;
    while (fgets(line, sizeof line, file)) {
        sscanf(line, "init %d", &state->init_code);
        if (strncmp(line, "gpu ", 4) == 0)
            read_gpu(state, line);
        if (strncmp(line, "process ", 8) == 0)
            read_process(state, line);
    }
    fclose(file);
}

static int find(struct state *state, const char *handle, struct gpu **gpu)
{
    read_state(state);
    if (handle < handles || handle >= handles + state->gpu_count)
        return BAD_ARGUMENT;
    *gpu = &state->gpus[handle - handles];
    return (*gpu)->code;
}

int nvmlInitWithFlags(unsigned flags)
{
    struct state state;
    (void)flags;
    read_state(&state);
    return state.init_code;
}

int nvmlShutdown(void)
{
    return OK;
}

const char *nvmlErrorString(int code)
{
    return code == 15 ? "GPU is lost" : "stub error";
}

int nvmlSystemGetDriverVersion(char *text, unsigned length)
{
    snprintf(text, length, "550.54.15");
    return OK;
}

int nvmlDeviceGetCount_v2(unsigned *count)
{
    struct state state;
    read_state(&state);
    *count = state.gpu_count;
    return OK;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, char **handle)
{
    struct state state;
    read_state(&state);
    if (index >= state.gpu_count)
        return BAD_ARGUMENT;
    *handle = handles + index;
    return state.gpus[index].code;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, char **handle)
{
    struct state state;
    read_state(&state);
    for (unsigned index = 0; index < state.gpu_count; index++)
        if (strcmp(state.gpus[index].uuid, uuid) == 0) {
            *handle = handles + index;
            return state.gpus[index].code;
        }
    return NOT_FOUND;
}

int nvmlDeviceGetUUID(char *handle, char *text, unsigned length)
{
    struct state state;
    struct gpu *gpu;
    int code = find(&state, handle, &gpu);
    if (code == OK)
        snprintf(text, length, "%s", gpu->uuid);
    return code;
}

int nvmlDeviceGetName(char *handle, char *text, unsigned length)
{
    struct state state;
    struct gpu *gpu;
    int code = find(&state, handle, &gpu);
    if (code == OK)
        snprintf(text, length, "%s", gpu->name);
    return code;
}

int nvmlDeviceGetMemoryInfo(char *handle, unsigned long long *total_free_used)
{
    struct state state;
    struct gpu *gpu;
    int code = find(&state, handle, &gpu);
    if (code == OK) {
        total_free_used[0] = gpu->total;
        total_free_used[1] = gpu->total - gpu->used;
        total_free_used[2] = gpu->used;
    }
    return code;
}

int nvmlDeviceGetUtilizationRates(char *handle, unsigned *gpu_memory_percent)
{
    struct state state;
    struct gpu *gpu;
    int code = find(&state, handle, &gpu);
    if (code == OK) {
        gpu_memory_percent[0] = gpu->utilisation;
        gpu_memory_percent[1] = 0;
    }
    return code;
}

/* NVML's way: a first call with too little room gets the number, a second the list. */
int nvmlDeviceGetComputeRunningProcesses_v3(char *handle, unsigned *count, struct process *list)
{
    struct state state;
    struct gpu *gpu;
    unsigned room = *count;
    int code = find(&state, handle, &gpu);
    if (code != OK)
        return code;
    *count = gpu->process_count;
    if (gpu->process_count == 0)
        return OK;
    if (!list || room < gpu->process_count)
        return TOO_SMALL;
    memcpy(list, gpu->processes, gpu->process_count * sizeof *list);
    return OK;
}
