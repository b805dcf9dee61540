/*
 * The rest of libcuda.so.1: streams and events, where nothing is ever pending, and the names that FFmpeg's loader
 * wants to find (it refuses the whole library when one is missing) for things that have no meaning here.
 */
#include <stdlib.h>

#include "driver.h"

/* Every call has done its work when it returns, so there is nothing to wait for. */
#define NOTHING_TO_DO(name) \
    EXPORT int name(void) \
    { \
        return CUDA_SUCCESS; \
    }
NOTHING_TO_DO(cuCtxSetLimit)
NOTHING_TO_DO(cuCtxSynchronize)
NOTHING_TO_DO(cuDevicePrimaryCtxReset)
NOTHING_TO_DO(cuStreamQuery)
NOTHING_TO_DO(cuStreamSynchronize)
NOTHING_TO_DO(cuStreamWaitEvent)
NOTHING_TO_DO(cuEventSynchronize)
NOTHING_TO_DO(cuEventQuery)
NOTHING_TO_DO(cuEventRecord)

static int create_handle(void **handle)
{
    *handle = malloc(1);
    return *handle ? CUDA_SUCCESS : CUDA_OUT_OF_MEMORY;
}

EXPORT int cuStreamCreate(void **stream, unsigned flags)
{
    (void)flags;
    return create_handle(stream);
}

EXPORT int cuStreamCreateWithPriority(void **stream, unsigned flags, int priority)
{
    (void)flags, (void)priority;
    return create_handle(stream);
}

EXPORT int cuEventCreate(void **event, unsigned flags)
{
    (void)flags;
    return create_handle(event);
}

EXPORT int cuStreamDestroy_v2(void *stream)
{
    free(stream);
    return CUDA_SUCCESS;
}

EXPORT int cuEventDestroy_v2(void *event)
{
    free(event);
    return CUDA_SUCCESS;
}

EXPORT int cuStreamAddCallback(void *stream, void (*callback)(void *, int, void *), void *data, unsigned flags)
{
    (void)flags;
    callback(stream, CUDA_SUCCESS, data);
    return CUDA_SUCCESS;
}

EXPORT int cuLaunchHostFunc(void *stream, void (*function)(void *), void *data)
{
    (void)stream;
    function(data);
    return CUDA_SUCCESS;
}

#define NOT_HERE(name) \
    EXPORT int name(void) \
    { \
        trace("complaint %s is not supported", #name); \
        return CUDA_NOT_SUPPORTED; \
    }
NOT_HERE(cuArray3DCreate_v2)
NOT_HERE(cuArray3DGetDescriptor_v2)
NOT_HERE(cuArrayCreate_v2)
NOT_HERE(cuArrayDestroy)
NOT_HERE(cuArrayGetPlane)
NOT_HERE(cuDestroyExternalMemory)
NOT_HERE(cuDestroyExternalSemaphore)
NOT_HERE(cuDeviceGetLuid)
NOT_HERE(cuEGLStreamConsumerDisconnect)
NOT_HERE(cuEGLStreamProducerConnect)
NOT_HERE(cuEGLStreamProducerDisconnect)
NOT_HERE(cuEGLStreamProducerPresentFrame)
NOT_HERE(cuEGLStreamProducerReturnFrame)
NOT_HERE(cuExternalMemoryGetMappedBuffer)
NOT_HERE(cuExternalMemoryGetMappedMipmappedArray)
NOT_HERE(cuGLGetDevices_v2)
NOT_HERE(cuGraphicsGLRegisterImage)
NOT_HERE(cuGraphicsMapResources)
NOT_HERE(cuGraphicsResourceGetMappedPointer_v2)
NOT_HERE(cuGraphicsSubResourceGetMappedArray)
NOT_HERE(cuGraphicsUnmapResources)
NOT_HERE(cuGraphicsUnregisterResource)
NOT_HERE(cuImportExternalMemory)
NOT_HERE(cuImportExternalSemaphore)
NOT_HERE(cuLinkAddData)
NOT_HERE(cuLinkComplete)
NOT_HERE(cuLinkCreate)
NOT_HERE(cuLinkDestroy)
NOT_HERE(cuMipmappedArrayDestroy)
NOT_HERE(cuMipmappedArrayGetLevel)
NOT_HERE(cuSignalExternalSemaphoresAsync)
NOT_HERE(cuWaitExternalSemaphoresAsync)
