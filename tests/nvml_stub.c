/* A stand-in for libnvidia-ml.so.1 that says what a text file says.
 *
 * The file is named by NVML_STUB_FILE and read anew by every call, so that a test can change what
 * a program sees while it runs. One record a line, words between blanks:
 *
 *   init CODE                                        what opening the library returns; 0 by default
 *   gpu UUID TOTAL USED UTILISATION CODE NAME...     one GPU, in order; CODE is what its calls return
 *   process GPU_NUMBER PID BYTES                     a process on it; BYTES may be "unknown"
 *   drawing GPU_NUMBER PID BYTES                     one that draws; it may be among the others too
 *   reserved GPU_NUMBER BYTES                        what of USED the driver keeps for itself
 *   minor GPU_NUMBER N                               number of its device node
 *   power GPU_NUMBER MILLIWATTS
 *   temperature GPU_NUMBER CELSIUS
 *   energy GPU_NUMBER MILLIJOULES                    since the driver was loaded
 *   xid GPU_NUMBER CODE                              a critical error, told once to each event set
 *   hang SECONDS                                     every call on a device takes that long
 *
 * A figure without a line is one that the GPU does not support.
 *
 * Only the calls that pynvml makes for the runner are here. Structures follow NVML's own layout.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OK = 0, BAD_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, TIMED_OUT = 10,
       VERSION_MISMATCH = 25 };
enum { MOST_GPUS = 32, MOST_PROCESSES = 256, MOST_XIDS = 64, NO_INSTANCE = 0xFFFFFFFF };
enum { XID_EVENT = 8 };

struct process {
    unsigned pid;
    unsigned long long bytes;
    unsigned gpu_instance, compute_instance;
};

struct processes {
    unsigned count;
    struct process list[MOST_PROCESSES];
};

/* The second form of what a GPU's memory is. */
struct memory {
    unsigned version;
    unsigned long long total, reserved, free, used;
};

struct figure {
    int known;
    unsigned long long value;
};

struct gpu {
    char uuid[96], name[96];
    unsigned long long total, used;
    unsigned utilisation;
    int code;
    struct figure minor, power, temperature, energy, reserved;
    unsigned xid_count;
    struct processes computing, drawing;
    unsigned xids[MOST_XIDS];
};

struct state {
    int init_code;
    double hang;
    unsigned gpu_count;
    struct gpu gpus[MOST_GPUS];
};

struct event_set {
    int watches[MOST_GPUS];
    unsigned told[MOST_GPUS];
};

struct event {
    char *handle;
    unsigned long long type, data;
    unsigned gpu_instance, compute_instance;
};

/* A handle is the address of one of these: its distance from the first is the GPU's number. */
static char handles[MOST_GPUS];

static void read_process(struct state *state, const char *line)
{
    unsigned number, pid;
    char word[32], bytes[32];
    if (sscanf(line, "%31s %u %u %31s", word, &number, &pid, bytes) != 4 || number >= state->gpu_count)
        return;
    struct gpu *gpu = &state->gpus[number];
    struct processes *processes = strcmp(word, "drawing") == 0 ? &gpu->drawing : &gpu->computing;
    if (processes->count == MOST_PROCESSES)
        return;
    struct process *process = &processes->list[processes->count++];
    process->pid = pid;
    process->bytes = strcmp(bytes, "unknown") == 0 ? UINT64_MAX : strtoull(bytes, NULL, 10);
    process->gpu_instance = process->compute_instance = NO_INSTANCE;
}

static void read_figure(struct state *state, const char *line)
{
    char word[32];
    unsigned number;
    unsigned long long value;
    if (sscanf(line, "%31s %u %llu", word, &number, &value) != 3 || number >= state->gpu_count)
        return;
    struct gpu *gpu = &state->gpus[number];
    struct figure figure = {1, value};
    if (strcmp(word, "minor") == 0)
        gpu->minor = figure;
    else if (strcmp(word, "power") == 0)
        gpu->power = figure;
    else if (strcmp(word, "temperature") == 0)
        gpu->temperature = figure;
    else if (strcmp(word, "energy") == 0)
        gpu->energy = figure;
    else if (strcmp(word, "reserved") == 0)
        gpu->reserved = figure;
    else if (strcmp(word, "xid") == 0 && gpu->xid_count < MOST_XIDS)
        gpu->xids[gpu->xid_count++] = (unsigned)value;
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
        if (strncmp(line, "init ", 5) == 0)
            sscanf(line, "init %d", &state->init_code);
        else if (strncmp(line, "hang ", 5) == 0)
            sscanf(line, "hang %lf", &state->hang);
        else if (strncmp(line, "gpu ", 4) == 0)
            read_gpu(state, line);
        else if (strncmp(line, "process ", 8) == 0 || strncmp(line, "drawing ", 8) == 0)
            read_process(state, line);
        else
            read_figure(state, line);
    }
    fclose(file);
}

static void read_device_state(struct state *state)
{
    read_state(state);
    struct timespec pause = {(time_t)state->hang, 0};
    pause.tv_nsec = (long)((state->hang - (double)pause.tv_sec) * 1e9);
    nanosleep(&pause, NULL);
}

static int find(struct state *state, const char *handle, struct gpu **gpu)
{
    read_device_state(state);
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
    read_device_state(&state);
    if (index >= state.gpu_count)
        return BAD_ARGUMENT;
    *handle = handles + index;
    return state.gpus[index].code;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, char **handle)
{
    struct state state;
    read_device_state(&state);
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

int nvmlDeviceGetMemoryInfo_v2(char *handle, struct memory *memory)
{
    struct state state;
    struct gpu *gpu;
    int code = find(&state, handle, &gpu);
    if (code != OK)
        return code;
    if (memory->version != (2 << 24 | sizeof *memory))
        return VERSION_MISMATCH;
    memory->total = gpu->total;
    memory->reserved = gpu->reserved.value;
    memory->free = gpu->total - gpu->used;
    memory->used = gpu->used - gpu->reserved.value;
    return gpu->reserved.known ? OK : NOT_SUPPORTED;
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
static int listed(const struct processes *processes, unsigned *count, struct process *list)
{
    unsigned room = *count;
    *count = processes->count;
    if (processes->count == 0)
        return OK;
    if (!list || room < processes->count)
        return TOO_SMALL;
    memcpy(list, processes->list, processes->count * sizeof *list);
    return OK;
}

int nvmlDeviceGetComputeRunningProcesses_v3(char *handle, unsigned *count, struct process *list)
{
    struct state state;
    struct gpu *gpu;
    int code = find(&state, handle, &gpu);
    return code == OK ? listed(&gpu->computing, count, list) : code;
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(char *handle, unsigned *count, struct process *list)
{
    struct state state;
    struct gpu *gpu;
    int code = find(&state, handle, &gpu);
    return code == OK ? listed(&gpu->drawing, count, list) : code;
}

static int answer(char *handle, size_t offset, unsigned long long *value)
{
    struct state state;
    struct gpu *gpu;
    int code = find(&state, handle, &gpu);
    if (code != OK)
        return code;
    const struct figure *figure = (const struct figure *)((const char *)gpu + offset);
    *value = figure->value;
    return figure->known ? OK : NOT_SUPPORTED;
}

int nvmlDeviceGetMinorNumber(char *handle, unsigned *number)
{
    unsigned long long value;
    int code = answer(handle, offsetof(struct gpu, minor), &value);
    if (code == OK)
        *number = (unsigned)value;
    return code;
}

int nvmlDeviceGetPowerUsage(char *handle, unsigned *milliwatts)
{
    unsigned long long value;
    int code = answer(handle, offsetof(struct gpu, power), &value);
    if (code == OK)
        *milliwatts = (unsigned)value;
    return code;
}

int nvmlDeviceGetTemperature(char *handle, unsigned sensor, unsigned *celsius)
{
    unsigned long long value;
    int code = answer(handle, offsetof(struct gpu, temperature), &value);
    if (code == OK)
        *celsius = (unsigned)value;
    return sensor == 0 ? code : BAD_ARGUMENT;
}

int nvmlDeviceGetTotalEnergyConsumption(char *handle, unsigned long long *millijoules)
{
    unsigned long long value;
    int code = answer(handle, offsetof(struct gpu, energy), &value);
    if (code == OK)
        *millijoules = value;
    return code;
}

int nvmlEventSetCreate(struct event_set **set)
{
    *set = calloc(1, sizeof **set);
    return OK;
}

int nvmlDeviceRegisterEvents(char *handle, unsigned long long types, struct event_set *set)
{
    struct state state;
    struct gpu *gpu;
    int code = find(&state, handle, &gpu);
    if (code == OK && types & XID_EVENT)
        set->watches[handle - handles] = 1;
    return code;
}

/* A GPU whose calls fail still reports its errors, as a GPU does that fell off the bus. */
int nvmlEventSetWait_v2(struct event_set *set, struct event *event, unsigned milliseconds)
{
    struct state state;
    (void)milliseconds;
    read_device_state(&state);
    for (unsigned index = 0; index < state.gpu_count; index++) {
        const struct gpu *gpu = &state.gpus[index];
        if (!set->watches[index] || set->told[index] >= gpu->xid_count)
            continue;
        *event = (struct event){handles + index, XID_EVENT, gpu->xids[set->told[index]++],
                                NO_INSTANCE, NO_INSTANCE};
        return OK;
    }
    return TIMED_OUT;
}

int nvmlEventSetFree(struct event_set *set)
{
    free(set);
    return OK;
}
