#!/usr/bin/env python3
"""Writes templates/published.toml, templates/bases/*.toml and templates/jobs/* of the published rows.

Usage: published_jobs.py PUBLISHED_ROWS.toml RECIPES.toml TEMPLATES_FOLDER

Run by hand (Python 3.11, nothing else). The two data files hold the published rows and the resolved recipes; what is
decided on the way (which key a setting becomes, which printed column is wrong, what has no key) stands here, and for
readers in templates/README.md. Rows whose jobs would be equal share one, under the newest release's name.
"""
import json
import sys
import tomllib
from pathlib import Path

MODELS = {  # hf_model of a row -> (name in job names, facts in templates/models, folder below ${MUSTER_CACHE}/models)
    "meta-llama/Llama-3.1-8B-Instruct": ("llama3.1-8b", "llama-3.1-8b", "Llama-3.1-8B-Instruct"),
    "Qwen/Qwen3-32B": ("qwen3-32b", "qwen3-32b", "Qwen3-32B"),
    "Qwen/Qwen3-30B-A3B": ("qwen3-30b-a3b", "qwen3-30b-a3b", "Qwen3-30B-A3B"),
    "Qwen/Qwen3-235B-A22B": ("qwen3-235b-a22b", "qwen3-235b-a22b", "Qwen3-235B-A22B"),
    "unsloth/DeepSeek-V3-0324-BF16": ("deepseek-v3", "deepseek-v3", "DeepSeek-V3-0324-BF16"),
    "/path/to/dsv3-bf16-checkpoint": ("deepseek-v3", "deepseek-v3", "DeepSeek-V3-0324-BF16"),
    "deepseek-ai/DeepSeek-V3 (BF16-converted HF checkpoint, path given at launch)":
        ("deepseek-v3", "deepseek-v3", "DeepSeek-V3-BF16"),
    "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16":
        ("nemotron3-nano-swe", "nemotron-3-nano-30b-a3b", "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16"),
}
TITLES = {"llama3.1-8b": "Llama-3.1-8B-Instruct", "qwen3-32b": "Qwen3-32B", "qwen3-30b-a3b": "Qwen3-30B-A3B",
          "qwen3-235b-a22b": "Qwen3-235B-A22B", "deepseek-v3": "DeepSeek-V3",
          "nemotron3-nano-swe": "Nemotron-3-Nano-30B-A3B on SWE tasks"}
CLUSTERS = {"DGX-H100": "dgx-h100", "GB200-NVL72": "gb200-nvl72"}
GPUS = {"DGX-H100": "h100", "GB200-NVL72": "gb200"}
MODES = {0: "on-policy", 1: "1-off", 8: "8-off"}

# What is to be known of a row beyond its columns, in our words.
SEVEN_CELLS = "The row has seven training degrees under five column names; they are read as the recipe has them."
NOTES = {
    "v0.4-draft1-llama8b-megatron":
        "A draft of the page. It prints G-DP 1, but 16 GPUs at TP 1 x PP 1 are 16 replicas. "
        "Its figures close (1157 tokens a sample); those of the dtensor row beside it do not.",
    "v0.4-draft1-llama8b-dtensor":
        "A draft of the page; no recipe of this row is known beyond its columns. INCONSISTENT: 1482 "
        "tokens/s/GPU x 114.9 s x 16 GPUs / 2048 samples = 1330 tokens a sample, but the megatron row of the same average "
        "length has 1157. At 1157 a step of 114.9 s is 1289 tokens/s/GPU, and 1482 tokens/s/GPU is a step of 100 s: one of "
        "the two figures is wrong.",
    "v0.4-h100-bf16-llama8b-onpolicy": SEVEN_CELLS,
    "v0.4-h100-bf16-llama8b-1off": SEVEN_CELLS,
    "v0.4-h100-bf16-qwen3-235b-1off":
        "6290 tokens a sample, 8 % more than the length allows: rate and step time were averaged each for itself.",
    "v0.4-h100-bf16-qwen3-30ba3b-1off": "Slower than on-policy on the same 32 GPUs.",
    "v0.5-h100-bf16-llama8b-onpolicy": SEVEN_CELLS,
    "v0.5-h100-bf16-llama8b-1off": SEVEN_CELLS,
    "v0.5-h100-bf16-dsv3-dapo":
        "The row prints G-GBS 512, and its figures close only with 512 samples; the recipe keeps 256 x 16 = 4096 of the "
        "12288 that a round draws. So the row was not measured with the recipe as it was shipped; the job is the recipe.",
    "v0.5-h100-bf16-qwen3-235b-1off": "5958 tokens a sample, 2 % more than the length allows.",
    "v0.5-h100-fp8-llama8b-1off": SEVEN_CELLS,
    "v0.5-h100-fp8-dsv3-1off": "953 tokens a sample do not close by 9 %: other DeepSeek rows have about 110 of prompt.",
    "v0.5-gb200-bf16-llama8b-onpolicy": SEVEN_CELLS,
    "v0.5-gb200-bf16-llama8b-1off": SEVEN_CELLS,
    "v0.5-gb200-bf16-dsv3-onpolicy":
        "Measured again later with another BF16 checkpoint: v0.5-gb200-bf16-dsv3-onpolicy-newckpt.",
    "v0.5-gb200-bf16-dsv3-1off":
        "Closes to -7 % only. GB200 and H100 rows of this release used different checkpoints: compare neither.",
    "v0.5-gb200-bf16-qwen3-235b-1off": "Twice the GPUs of the on-policy row cut the step from 332 to 268 s only.",
    "v0.5-gb200-bf16-dsv3-onpolicy-newckpt":
        "A footnote of the v0.6 page: v0.5.0 measured again with the newer checkpoint (shorter answers); neither step time nor "
        "length were printed.",
    "v0.6-h100-bf16-dsv3-onpolicy-256":
        "Newer checkpoint from v0.6 on, with shorter answers: not comparable with v0.4 and v0.5.",
    "v0.6-h100-bf16-dsv3-onpolicy-512": "Prints EP 16; the recipe has EP 32. Twice the GPUs cut the step from 134 to 111 s.",
    "v0.6-h100-bf16-qwen3-235b-1off":
        "6780 tokens a sample, 16 % above the on-policy rows: the rate is that of v0.5, or was averaged for itself. 231 s and "
        "5835 tokens are 50.5 tokens/s/GPU. Only one of the two figures can be a target.",
    "v0.6-h100-bf16-qwen3-30ba3b-8off": "The only row more than one version behind: 16 training and 8 generation nodes.",
    "v0.6-h100-bf16-nemotron3-nano-swe-1off":
        "No recipe but the row's columns is known. It prints G-GBS and T-GBS 512; 37.5 x 430 x 128 tokens are 65 samples of "
        "31.6 k, which fits 2 prompts x 32 samples and T-GBS 64. 8 training and 8 generation nodes.",
    "v0.6-gb200-bf16-dsv3-onpolicy-256": "Prints EP 16; the recipe has EP 32.",
    "v0.6-gb200-bf16-qwen3-235b-onpolicy-128": "A longer step than on 64 GPUs (345 against 286 s).",
    "v0.6-gb200-bf16-qwen3-30ba3b-1off":
        "Prints EP 16, which 8 training GPUs cannot hold; the recipe has EP 8. Slower than on-policy on the same 16 GPUs.",
}
# Printed columns that are wrong: the job's key that holds another value.
DIFFERS = {
    "v0.4-draft1-llama8b-megatron": ["gen.dp"],
    "v0.5-h100-bf16-dsv3-dapo": ["grpo.prompts_per_step"],
    "v0.6-h100-bf16-dsv3-onpolicy-512": ["train.ep"],
    "v0.6-h100-bf16-nemotron3-nano-swe-1off": ["grpo.prompts_per_step", "train.gbs"],
    "v0.6-gb200-bf16-dsv3-onpolicy-256": ["train.ep"],
    "v0.6-gb200-bf16-qwen3-30ba3b-1off": ["train.ep"],
}
OWN_NAMES = {"v0.4-draft1-llama8b-megatron": "grpo-llama3.1-8b-16xh100-megatron",
             "v0.4-draft1-llama8b-dtensor": "grpo-llama3.1-8b-16xh100-dtensor"}

# Muster's defaults of the keys used here: a job leaves them out, unless its base says otherwise.
DEFAULTS = {
    "placement.mode": "colocated", "placement.segment_nodes": 0,
    "gen.tp": 1, "gen.pp": 1, "gen.ep": 1, "gen.dp": 1, "gen.dtype": "bf16", "gen.fp8_skip": [],
    "gen.max_running_samples": 256,
    "train.backend": "megatron", "train.tp": 1, "train.cp": 1, "train.ep": 1, "train.pp": 1, "train.vpp": 1,
    "train.dp": 1, "train.fsdp": 0, "train.sequence_parallel": False, "train.mbs": 1, "train.first_stage_layers": 0,
    "train.last_stage_layers": 0, "train.recompute": "none", "train.fp8": False,
    "packing.enabled": True, "moe.router_dtype": "fp32",
    "async.enabled": False, "async.max_staleness": 1, "async.in_flight_updates": False,
    "grpo.baseline": "leave_one_out", "grpo.dynamic_sampling": False, "grpo.batch_multiplier": 1,
    "grpo.keep_surplus": True,
    "loss.clip_high": 0.2, "loss.dual_clip": 0, "loss.kl_weight": 0, "loss.correction": "none",
    "loss.force_on_policy": False, "sampling.stop": [],
    "reward.source_min": 0.0, "reward.source_max": 1.0, "reward.target_min": 0.0, "reward.target_max": 1.0,
    "reward.overlong_penalty": 1, "data.max_prompt_tokens": 0, "optimizer.weight_decay": 0.01, "checkpoint.every": 0, "checkpoint.keep": 2,
}
ORDER = ["model", "placement", "gen", "train", "packing", "moe", "async", "grpo", "loss", "sampling", "data", "validate",
         "reward", "optimizer", "checkpoint"]
COMMENTS = {  # (key, value) or key -> what is said behind it
    "grpo.steps": "as measured; the recipes themselves go on to 500 and more",
    ("loss.correction", "plain"): "without bounds",
    "train.share_prompt": "the recipes compute each sample with its own prompt",
    "train.grad_dtype": "main weights and moments stay in fp32",
}


def data_of(recipe):
    if recipe["dataset"] == "DAPOMath17K":
        return {"data.path": "${MUSTER_CACHE}/data/dapo-math-17k.parquet", "data.schema": "dapo-math-17k",
                "data.chat_template": "model", "data.prompt": "{prompt}"}
    return {"data.path": "${MUSTER_CACHE}/data/openmathinstruct-2.parquet", "data.schema": "openmathinstruct-2",
            "data.chat_template": "model",
            "data.prompt": "Work out the answer to this problem step by step, and write it into \\boxed{{}} at the end.\n\n"
                           "{prompt}"}


def reward_of(recipe):
    if recipe["math_verify_impl"] == "hf_math_verify":
        return {"reward.kind": "math"}
    scaling, shaping = json.loads(recipe["reward_scaling"]), json.loads(recipe["reward_shaping"])
    return {"reward.kind": "regex", "reward.pattern": r"(?i)Answer\s*:\s*([^\n]+)",
            **{f"reward.{key}": scaling[key] for key in ("source_min", "source_max", "target_min", "target_max")},
            "reward.overlong_buffer": shaping["overlong_buffer_length"],
            "reward.overlong_penalty": shaping["overlong_buffer_penalty"],
            "reward.overlong_limit": shaping["max_response_length"]}


def settings_of(recipe, facts, folder):
    """A resolved recipe in Muster's keys."""
    staleness = recipe["async_max_trajectory_age_steps"]
    is_async = recipe["async_enabled"]
    kwargs = recipe.get("gen_vllm_kwargs", "")
    s = {
        "model.name": facts, "model.path": "${MUSTER_CACHE}/models/" + folder,
        "placement.mode": "colocated" if recipe["colocated"] else "split",
        "placement.segment_nodes": recipe.get("segment_size", 0),
        "gen.tp": recipe["gen_tp"], "gen.pp": recipe["gen_pp"], "gen.ep": recipe["gen_ep"], "gen.dp": recipe["gen_replicas"],
        "gen.dtype": "fp8" if recipe["gen_precision"] == "fp8" else "bf16",
        "gen.fp8_skip": recipe.get("gen_quantization_ignored_layer_kws", []),
        "gen.memory_share": recipe["gen_gpu_memory_utilization"],
        "gen.max_running_samples": 32 if '"max_num_seqs": 32' in kwargs else 256,
        "train.backend": recipe["train_backend"],
        "train.tp": recipe["train_tp"], "train.cp": recipe["train_cp"], "train.ep": recipe["train_ep"],
        "train.pp": recipe["train_pp"], "train.dp": recipe["train_dp"],
        "train.sequence_parallel": recipe["train_sequence_parallel"],
        "train.first_stage_layers": recipe.get("train_first_pp_stage_layers", 0),
        "train.last_stage_layers": recipe.get("train_last_pp_stage_layers", 0),
        "train.gbs": recipe["train_global_batch_size"], "train.mbs": recipe["train_micro_batch_size"],
        "train.logprob_mbs": recipe["logprob_batch_size"],
        "train.recompute": "full" if recipe["train_activation_checkpointing"] else "none",
        "train.fp8": recipe["train_fp8"],
        "train.grad_dtype": "bf16", "train.overlap_grad_reduce": recipe["ddp_overlap_grad_reduce"],
        "train.overlap_param_gather": recipe["ddp_overlap_param_gather"], "train.share_prompt": False,
        "packing.enabled": recipe["seq_packing"],
        "async.enabled": is_async, "async.max_staleness": staleness if is_async else 1,
        "async.in_flight_updates": recipe["async_in_flight_weight_updates"],
        "grpo.steps": 10, "grpo.prompts_per_step": recipe["num_prompts_per_step"],
        "grpo.samples_per_prompt": recipe["num_generations_per_prompt"],
        "grpo.max_sequence_tokens": recipe["max_total_sequence_length"],
        "grpo.baseline": "leave_one_out" if recipe["leave_one_out_baseline"] else "mean",
        "grpo.dynamic_sampling": recipe["dynamic_sampling"], "grpo.batch_multiplier": recipe.get("batch_multiplier", 1),
        "grpo.keep_surplus": not recipe["dynamic_sampling"],
        "loss.clip_high": recipe["loss_ratio_clip_max"], "loss.dual_clip": recipe.get("loss_ratio_clip_c", 0),
        "loss.kl_weight": recipe["loss_kl_penalty"],
        "loss.correction": "plain" if recipe["loss_use_importance_sampling_correction"] else "none",
        "loss.force_on_policy": recipe["loss_force_on_policy_ratio"],
        "sampling.stop": ["<|eot_id|>"] if recipe.get("gen_stop_token_ids") == [128009] else [],
        **data_of(recipe),
        "data.held_out_share": recipe.get("data_split_validation_size", 0.05),
        "validate.every": recipe["val_period"], "validate.prompts": recipe["max_val_samples"],
        **reward_of(recipe),
        "optimizer.lr": recipe["opt_lr"], "optimizer.weight_decay": recipe["opt_weight_decay"],
        "optimizer.warmup_steps": recipe["lr_warmup_iters"], "optimizer.warmup_init_lr": recipe["lr_warmup_init"],
        "checkpoint.every": recipe["checkpoint_save_period"] if recipe["checkpointing"] else 0,
        "checkpoint.keep": recipe["checkpoint_keep_top_k"] if recipe["checkpointing"] else 2,
        "checkpoint.final_model": False,
    }
    limit = recipe["max_input_seq_length"]
    s["data.max_prompt_tokens"] = limit if limit < s["grpo.max_sequence_tokens"] else 0
    if "moe_grouped_gemm" in recipe or recipe["train_ep"] > 1:
        s["moe.router_dtype"] = recipe["moe_router_dtype"]
    # What a job cannot say differently must be as Muster does it.
    assert recipe["train_etp"] == 1 and recipe["moe_router_load_balancing_type"] == "none" and recipe["freeze_moe_router"]
    assert recipe["gen_temperature"] == recipe["gen_top_p"] == recipe["opt_clip_grad"] == 1
    assert recipe["lr_decay_style"] == "constant" and recipe["opt_betas"] == [0.9, 0.999] and recipe["opt_eps"] == 1e-8
    assert recipe["normalize_rewards"] and recipe["loss_token_level"] and recipe["loss_ratio_clip_min"] == 0.2
    assert not recipe["ddp_grad_reduce_in_fp32"] and not recipe["overlong_filtering"]
    return s


def value_text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    if isinstance(value, list):
        return "[" + ", ".join(value_text(item) for item in value) + "]"
    return repr(value)


def tables_text(settings):
    """Keys "table.key" as TOML tables, in the order of `muster keys`."""
    lines = []
    for table in ORDER:
        keys = {key: value for key, value in settings.items() if key.split(".")[0] == table}
        if not keys:
            continue
        lines += ["", f"[{table}]"]
        for key, value in keys.items():
            comment = COMMENTS.get(key) or (COMMENTS.get((key, value)) if not isinstance(value, list) else None)
            lines.append(f"{key.split('.')[1]} = {value_text(value)}" + (f"  # {comment}" if comment else ""))
    return "\n".join(lines) + "\n"


def wrapped(words, indent, width=120):
    lines, line = [], indent
    for word in words.split():
        if len(line) + len(word) + 1 > width and line != indent:
            lines.append(line)
            line = indent
        line += (" " if line != indent else "") + word
    return lines + [line]


class Data:
    def __init__(self, rows_file, recipes_file):
        self.rows = tomllib.loads(Path(rows_file).read_text())["row"]
        recipes = tomllib.loads(Path(recipes_file).read_text())
        self.head = {recipe["id"]: recipe for recipe in recipes["recipe"]}
        self.at_tag = {(recipe["tag"], recipe["id"]): recipe for recipe in recipes["recipe_at_tag"]}

    def recipe_of(self, row):
        """The recipe as it stood at the row's release. Engine arguments count only where the release lists them: the
        speculative decoding of HEAD came after v0.6."""
        name = row["recipe"].removesuffix(".yaml")
        then = self.at_tag[row["recipe_tag"], name]
        if then.get("only_at_tag"):
            return then
        return {**{key: value for key, value in self.head[name].items() if key != "gen_vllm_kwargs"}, **then}


def row_settings(data, row):
    _, facts, folder = MODELS[row["hf_model"]]
    if "recipe_tag" in row:
        return settings_of(data.recipe_of(row), facts, folder)
    columns = {"gen.tp": row["gen_tp"], "gen.pp": row["gen_pp"], "train.tp": row["train_tp"], "train.cp": row["train_cp"],
               "train.ep": row["train_ep"], "train.pp": row["train_pp"], "train.gbs": row["train_gbs"],
               "grpo.max_sequence_tokens": row["max_seq_len"]}
    if row["backend"] == "dtensor":
        like = next(r for r in data.rows if r["id"] == "v0.4-draft1-llama8b-megatron")
        return {**row_settings(data, like), **columns, "train.backend": "dtensor", "train.fsdp": 1,
                "train.dp": row["train_dp"], "gen.dp": row["gen_dp_printed"]}
    # SWE: half of the 16 nodes train, half generate; 2 prompts x 32 samples.
    return {"model.name": facts, "model.path": "${MUSTER_CACHE}/models/" + folder, "placement.mode": "split", **columns,
            "train.gbs": 64, "train.dp": 1, "train.sequence_parallel": True, "gen.dp": 8, "train.share_prompt": False,
            "async.enabled": True, "async.in_flight_updates": True,
            "grpo.steps": 10, "grpo.prompts_per_step": 2, "grpo.samples_per_prompt": 32, "loss.correction": "plain",
            "data.path": "${MUSTER_CACHE}/data/swe.jsonl", "checkpoint.final_model": False}


def algorithm_of(row):
    return "DAPO" if row["algorithm"] == "DAPO" else "GRPO"


def job_name(row):
    if row["id"] in OWN_NAMES:
        return OWN_NAMES[row["id"]]
    name = f"{row['release']}-{algorithm_of(row).lower()}-{MODELS[row['hf_model']][0]}-{row['gpus']}x{GPUS[row['system']]}"
    if row["train_precision"] == "fp8":
        name += "-fp8"
    return name + ("" if row["staleness"] == 0 else f"-{MODES[row['staleness']].replace('-', '')}")


def jobs_of(data):
    """Job name -> (settings, its rows, newest first). Equal jobs share the newest release's name."""
    jobs = {}
    for row in sorted(data.rows, key=lambda r: (r["id"] in OWN_NAMES, r["release"]), reverse=True):
        settings = row_settings(data, row)
        same = next((name for name, (other, rows) in jobs.items() if other == settings and
                     rows[0]["gpus"] == row["gpus"] and rows[0]["system"] == row["system"] and
                     (row["id"] in OWN_NAMES) == (name in OWN_NAMES.values())), None)
        name = same or job_name(row)
        assert same or name not in jobs, name
        jobs.setdefault(name, (settings, []))[1].append(row)
    return jobs


def base_of(jobs, model):
    """What every recipe of a model has in common, where it is not Muster's default anyway."""
    members = [settings for settings, rows in jobs.values()
               if MODELS[rows[0]["hf_model"]][0] == model and rows[0]["algorithm"] == "GRPO" and "recipe_tag" in rows[0]]
    return {key: value for key, value in members[0].items()
            if all(member.get(key) == value for member in members) and DEFAULTS.get(key) != value}


def figures_text(row):
    parts = [f"{row['tokens_per_sec_per_gpu']:g} tokens/s/GPU"]
    if "step_time_s" in row:
        parts += [f"{row['step_time_s']:g} s a step", f"{row['avg_seq_len']} tokens an answer"]
    return ", ".join(parts)


def job_text(name, settings, rows, base):
    row = rows[0]
    model = MODELS[row["hf_model"]][0]
    precision = "FP8" if row["train_precision"] == "fp8" else "BF16"
    lines = [f"# {TITLES[model]}, {algorithm_of(row)} {MODES[row['staleness']]}, {row['gpus']} x "
             f"{GPUS[row['system']].upper()}, {precision}, {row['backend']}. Ran on cluster {CLUSTERS[row['system']]}."]
    lines += [f"#   {each['id']}: {figures_text(each)}" for each in rows]
    if "recipe_tag" in row:
        tags = ", ".join(dict.fromkeys(each["recipe_tag"] for each in rows))
        lines.append(f"# Source: recipe {row['recipe'].removesuffix('.yaml')} at {tags}.")
    else:
        lines.append("# Source: the row's own columns" +
                     ("; the rest is as in the megatron row." if row["backend"] == "dtensor" else
                      ". Data, reward and the rest are yours: no recipe of it was published."))
    for each in rows:
        if each["id"] in NOTES and NOTES[each["id"]] != SEVEN_CELLS and \
                (each["id"] in DIFFERS or "INCONSISTENT" in NOTES[each["id"]]):
            lines += wrapped("# " + NOTES[each["id"]].replace("\n", " "), "# ")
    lines = [line.replace("# # ", "# ") for line in lines]
    if base:
        lines.append(f'base = "grpo-{model}"')
    own = {key: value for key, value in settings.items() if (base or DEFAULTS).get(key, DEFAULTS.get(key)) != value}
    return "\n".join(lines) + "\n" + tables_text(own)


def base_text(model, settings):
    head = wrapped(f"# What the published recipes of {TITLES[model]} have in common, v0.4 to v0.6. templates/README.md says which of "
                   "their settings have no key here, and why.", "# ")
    return "\n".join(line.replace("# # ", "# ") for line in head) + "\n" + tables_text(settings)


def source_of(row):
    if "-draft" in row["id"]:
        return f"NVIDIA, draft of the performance summary of NeMo RL {row['release']}"
    return f"NVIDIA, performance summary of NeMo RL {row['release']}"


def published_text(data, jobs):
    job_of = {row["id"]: name for name, (_, rows) in jobs.items() for row in rows}
    lines = ["# Performance that NVIDIA published for NeMo RL, releases v0.4 (November 2025) to v0.6 (April 2026), and a draft of that page:",
             "# https://docs.nvidia.com/nemo/rl/0.6.0/about/performance-summary.html. None of these figures is a measurement of Muster.",
             "# Columns are as printed; where one is wrong, `differs` names the key of the job that holds another value. Shown by",
             "# `muster rows`.",
             "# Averages of five steps; tokens_per_s_per_gpu counts all tokens of a step's samples over the step and all GPUs,",
             "# answer_tokens only generated ones."]
    for row in data.rows:
        out = {
            "id": row["id"], "release": row["release"], "source": source_of(row), "job": job_of[row["id"]], "model": TITLES[MODELS[row["hf_model"]][0]],
            "algorithm": algorithm_of(row), "mode": MODES[row["staleness"]], "backend": row["backend"],
            "system": row["system"], "cluster": CLUSTERS[row["system"]], "gpus": row["gpus"],
            "gen_dtype": row["gen_precision"], "train_dtype": row["train_precision"], "dataset": row["dataset"],
            "max_sequence_tokens": row["max_seq_len"], "samples_per_step": row["gen_gbs"], "update_samples": row["train_gbs"],
            "gen_tp": row["gen_tp"], "gen_pp": row["gen_pp"], "gen_dp": row.get("gen_dp_printed"),
            "train_tp": row["train_tp"], "train_cp": row["train_cp"], "train_ep": row["train_ep"],
            "train_pp": row["train_pp"], "train_dp": row.get("train_dp"),
            "tokens_per_s_per_gpu": row["tokens_per_sec_per_gpu"], "step_s": row.get("step_time_s"),
            "answer_tokens": row.get("avg_seq_len"),
            "recipe": f"{row['recipe'].removesuffix('.yaml')} at {row['recipe_tag']}" if "recipe_tag" in row else None,
            "differs": DIFFERS.get(row["id"]), "note": NOTES.get(row["id"]),
        }
        lines += ["", "[[row]]"] + [f"{key} = {value_text(value)}" for key, value in out.items() if value is not None]
    return "\n".join(lines) + "\n"


def main():
    data = Data(sys.argv[1], sys.argv[2])
    templates = Path(sys.argv[3])
    jobs = jobs_of(data)
    bases = {}
    (templates / "bases").mkdir(exist_ok=True)
    for model in dict.fromkeys(MODELS[rows[0]["hf_model"]][0] for _, rows in jobs.values()):
        if model == "nemotron3-nano-swe":
            continue
        bases[model] = base_of(jobs, model)
        (templates / "bases" / f"grpo-{model}.toml").write_text(base_text(model, bases[model]))
    for name, (settings, rows) in jobs.items():
        base = bases.get(MODELS[rows[0]["hf_model"]][0], {})
        (templates / "jobs" / f"{name}.toml").write_text(job_text(name, settings, rows, base))
    (templates / "published.toml").write_text(published_text(data, jobs))
    print(f"{len(data.rows)} rows, {len(jobs)} jobs, {len(bases)} bases")


if __name__ == "__main__":
    main()
