"""llama-server's flags that Docker Model Runner lets through and this program's engine cannot honour.

They are refused by name, in a sentence that says so. ``--flag(-f)`` spells a flag and its other names.
"""

_KNOWN = """
--threads-batch(-tb) --cpu-mask(-C) --cpu-range(-Cr) --cpu-strict --prio --poll --cpu-mask-batch(-Cb)
--cpu-range-batch(-Crb) --cpu-strict-batch --prio-batch --poll-batch --keep --perf --samplers --top-nsigma
--xtc-probability --xtc-threshold --typical --dry-multiplier --dry-base --dry-allowed-length --dry-penalty-last-n
--mirostat --mirostat-lr --mirostat-ent --dynatemp-range --dynatemp-exp --ignore-eos --device(-dev) --tensor-split(-ts)
--fit(-fit) --fit-target(-fitt) --fit-ctx(-fitc) --context-shift --no-cont-batching(-nocb)
--no-warmup --timeout(-to) --threads-http --no-cache-prompt --cache-reuse --sleep-idle-seconds --mmproj-auto --no-mmproj
--no-mmproj-auto --mmproj-offload --no-mmproj-offload --image-min-tokens --image-max-tokens --spm-infill
--spec-draft-threads(-td,--threads-draft) --spec-draft-threads-batch(-tbd,--threads-batch-draft)
--spec-draft-cpu-mask(-Cd,--cpu-mask-draft) --spec-draft-cpu-range(-Crd,--cpu-range-draft)
--spec-draft-cpu-strict(--cpu-strict-draft) --spec-draft-prio(--prio-draft) --spec-draft-poll(--poll-draft)
--spec-draft-cpu-mask-batch(-Cbd,--cpu-mask-batch-draft) --spec-draft-cpu-strict-batch(--cpu-strict-batch-draft)
--spec-draft-prio-batch(--prio-batch-draft) --spec-draft-poll-batch(--poll-batch-draft)
--spec-draft-override-tensor(-otd,--override-tensor-draft) --spec-draft-cpu-moe(-cmoed,--cpu-moe-draft)
--spec-draft-n-cpu-moe(--spec-draft-ncmoe,-ncmoed,--n-cpu-moe-draft) --spec-draft-n-max(--draft-n-max,--draft-max)
--spec-draft-n-min(--draft-n-min,--draft-min) --spec-draft-p-split(--draft-p-split) --spec-draft-p-min(--draft-p-min)
--spec-draft-backend-sampling --no-spec-draft-backend-sampling --spec-draft-device(-devd,--device-draft)
--spec-draft-ngl(-ngld,--gpu-layers-draft,--n-gpu-layers-draft) --spec-type --spec-ngram-mod-n-min
--spec-ngram-mod-n-max --spec-ngram-mod-n-match --spec-ngram-simple-size-n --spec-ngram-simple-size-m
--spec-ngram-simple-min-hits --spec-ngram-map-k-size-n --spec-ngram-map-k-size-m --spec-ngram-map-k-min-hits
--spec-ngram-map-k4v-size-n --spec-ngram-map-k4v-size-m --spec-ngram-map-k4v-min-hits
--spec-draft-type-k(-ctkd,--cache-type-k-draft) --spec-draft-type-v(-ctvd,--cache-type-v-draft) --ctx-size-draft(-cd)
--lora-init-without-apply --control-vector-layer-range --grammar --json-schema(-j) --backend-sampling(-bs)
--chat-template --no-jinja --pooling --prefill-assistant --no-prefill-assistant --api-prefix --webui --webui-config
--api-key --no-metrics --props --slots --slot-prompt-similarity(-sps) --cpu-moe(-cmoe) --n-cpu-moe(-ncmoe) --verbose(-v)
"""

NOT_HONOURED = frozenset(_KNOWN.replace("(", " ").replace(")", " ").replace(",", " ").split())
