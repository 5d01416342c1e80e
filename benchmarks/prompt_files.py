"""Where the prompts of each benchmark lie in a folder of prompts."""

PROMPT_FILES = {
    "geneval": "geneval/evaluation_metadata.jsonl",
    "dpg": "dpg/dpg_bench.csv",
    "wise": "wise/wise.json",
    "mjhq_fid": "mjhq_fid/meta_data.json",
    "vqa": "vqa/questions.json",
}
ANNOTATIONS = "vqa/annotations.json"
WORLD = "world.json"
"""The configuration of the world that the prompts are about."""
COLUMNS = ("seen", "paraphrase", "unseen")
