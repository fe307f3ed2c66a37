"""What a user can do, each with a sentence: the words of `--help`, the main ones also those of the README."""

MAIN: tuple[tuple[str, str], ...] = (
    (
        "kedro run",
        "the whole chain: ingestion, pretraining, reward_model, grpo, evaluation, reporting; "
        "--pipelines takes any of them by name, several with commas",
    ),
    (
        "kedro run --env mocap --params data_root=DIR",
        "the chain on real motion: four hours of some 50 people from four collections, judged over held-out "
        "people and by source",
    ),
    (
        "kedro run --params run=NAME,grpo.rollout.noise.kind=none",
        "the chain under another name, with a parameter changed; two runs never overwrite each other",
    ),
    (
        "kedro run --pipelines grpo",
        "post-training alone, from the stored denoiser and reward model (--pipeline grpo, Kedro's older "
        "spelling, works too)",
    ),
    (
        'kedro run --pipelines evaluation,reporting --params "runs=a;b;c"',
        "scores the checkpoints of several runs on the held-out motion of the first, which may have nothing "
        "else (ingestion.splits.only=test), and compares the last ones of each",
    ),
    (
        "motiongrpo recover FILE",
        "a headset's recording in, the moving body out: BVH, glTF, npz, a table, and a report that opens "
        "offline (--format says what the file is, --to what comes out)",
    ),
    (
        "kedro run --pipelines viewer",
        "held-out motion in a browser: truth, pretrained and post-trained bodies side by side, with a "
        "scrub bar (extra viewer, which make installs)",
    ),
)

FURTHER: tuple[tuple[str, str], ...] = (
    (
        "kedro run --env cmu --params data_root=DIR",
        "the chain on thirteen minutes of real motion: a folder of CMU's BVH or ASF/AMC files",
    ),
    (
        "kedro run --pipelines evaluation --params run=NAME",
        "scores the checkpoints that have no current score and compares all; trains nothing "
        "(evaluation.force=true scores all anew)",
    ),
    (
        "kedro run --pipelines reporting",
        "figures, clips (MP4 and GIF) and report anew, from what is on disk",
    ),
    (
        "kedro run --pipelines ablation",
        "the 2×2 grid of perceptual reward and noise injection, three noise scopes, and the controls, "
        "over seeds, from the stored denoiser and reward model; ends with a verdict in words "
        "(ablation.quick=true: a shorter one)",
    ),
    (
        "kedro run --pipelines diversity",
        "is noise on the condition useful? spread, rewards, what caused their variance and signal to "
        "noise of the gradient, by sampler, initial noise, scope and λ; trains nothing "
        "(diversity.checkpoint=policy for the post-trained model)",
    ),
    (
        "kedro run --pipelines robustness",
        "what a floor that is 10 cm off, jitter, gaps and a low rate of the headset cost the last "
        "checkpoints of a run, or of several (runs=a;b); trains nothing",
    ),
    (
        "kedro run --params pretraining.init=egoallo,pretraining.egoallo=DIR,body=DIR",
        "the chain from EgoAllo's released checkpoint on your SMPL-H file; --pipelines egoallo_export "
        "writes a run's denoisers as EgoAllo reads them (docs/egoallo.md)",
    ),
    (
        "kedro run --env paper …",
        "the paper's scale on AMASS and a GPU; without the files it says what is missing and where to "
        "obtain it",
    ),
    (
        "kedro run --env paper --params processes=8",
        "pretraining, reward_model and grpo each on eight processes, which have a GPU each; torchrun and "
        "clusters are in docs/scale.md",
    ),
    (
        "motiongrpo recover --live",
        "bodies in a browser while a companion app of a headset sends poses to a socket, a line of JSON each "
        "(docs/recovery.md)",
    ),
    (
        "motiongrpo view FILE",
        "the same viewer on recordings: those in data/07_model_output/NAME/recordings, or your own",
    ),
    (
        "kedro viz run",
        "the pipelines in a browser",
    ),
)

COMMANDS = (*MAIN, *FURTHER)
