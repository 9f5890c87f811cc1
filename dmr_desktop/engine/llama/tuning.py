"""What was configured of llama.cpp's own knobs, put into its parameters. What is not set stays as it is."""

import llama_cpp

from dmr_desktop.protocol.runners import EngineTuning

_LOAD_MODES = {
    "mmap": llama_cpp.LLAMA_LOAD_MODE_MMAP,
    "mmap_mlock": llama_cpp.LLAMA_LOAD_MODE_MMAP_MLOCK,
    "mlock": llama_cpp.LLAMA_LOAD_MODE_MLOCK,
    "none": llama_cpp.LLAMA_LOAD_MODE_NONE,
    "direct_io": llama_cpp.LLAMA_LOAD_MODE_DIRECT_IO,
}
_SPLIT_MODES = {
    "none": llama_cpp.LLAMA_SPLIT_MODE_NONE,
    "layer": llama_cpp.LLAMA_SPLIT_MODE_LAYER,
    "row": llama_cpp.LLAMA_SPLIT_MODE_ROW,
}
_FLASH = {
    "on": llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    "off": llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED,
    "auto": llama_cpp.LLAMA_FLASH_ATTN_TYPE_AUTO,
}
_ROPE = {
    "none": llama_cpp.LLAMA_ROPE_SCALING_TYPE_NONE,
    "linear": llama_cpp.LLAMA_ROPE_SCALING_TYPE_LINEAR,
    "yarn": llama_cpp.LLAMA_ROPE_SCALING_TYPE_YARN,
}
_CACHE_TYPES = {
    "f32": llama_cpp.GGML_TYPE_F32,
    "f16": llama_cpp.GGML_TYPE_F16,
    "bf16": 30,  # the binding lacks this one's name
    "q8_0": llama_cpp.GGML_TYPE_Q8_0,
    "q5_1": llama_cpp.GGML_TYPE_Q5_1,
    "q5_0": llama_cpp.GGML_TYPE_Q5_0,
    "q4_1": llama_cpp.GGML_TYPE_Q4_1,
    "q4_0": llama_cpp.GGML_TYPE_Q4_0,
    "iq4_nl": llama_cpp.GGML_TYPE_IQ4_NL,
}


def tune_model(params: llama_cpp.llama_model_params, tuning: EngineTuning) -> None:
    params.load_mode = _LOAD_MODES[tuning.load_mode or "mmap"]
    if tuning.split_mode is not None:
        params.split_mode = _SPLIT_MODES[tuning.split_mode]
    if tuning.main_gpu is not None:
        params.main_gpu = tuning.main_gpu
    if tuning.repack is not None:
        params.use_extra_bufts = tuning.repack
    if tuning.no_host is not None:
        params.no_host = tuning.no_host
    if tuning.check_tensors is not None:
        params.check_tensors = tuning.check_tensors


def tune_context(params: llama_cpp.llama_context_params, tuning: EngineTuning) -> None:
    if tuning.flash_attention is not None:
        params.flash_attn_type = _FLASH[tuning.flash_attention]
    if tuning.cache_type_k is not None:
        params.type_k = _CACHE_TYPES[tuning.cache_type_k]
    if tuning.cache_type_v is not None:
        params.type_v = _CACHE_TYPES[tuning.cache_type_v]
    if tuning.kv_offload is not None:
        params.offload_kqv = tuning.kv_offload
    if tuning.op_offload is not None:
        params.op_offload = tuning.op_offload
    if tuning.rope_scaling is not None:
        params.rope_scaling_type = _ROPE[tuning.rope_scaling]
    for name in (
        "rope_freq_base",
        "rope_freq_scale",
        "yarn_orig_ctx",
        "yarn_ext_factor",
        "yarn_attn_factor",
        "yarn_beta_slow",
        "yarn_beta_fast",
    ):
        value = getattr(tuning, name)
        if value is not None:
            setattr(params, name, value)
