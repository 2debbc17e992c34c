"""The range of every number and the choices of every word in a configuration."""

from __future__ import annotations

# Smallest and largest legal value of each number; a guard against configurations
# (also of model folders from strangers) that would ask for absurd memory.
LIMITS: dict[str, tuple[float, float]] = {
    "model.channels": (1, 3),
    "model.unshuffle": (1, 4),
    "model.widths": (1, 1024),
    "model.encoder_blocks": (0, 64),
    "model.decoder_blocks": (0, 64),
    "model.latent_channels": (1, 512),
    "model.image_size": (0, 1024),
    "model.hidden": (1, 8192),
    "model.hidden_decoder": (1, 8192),
    "objective.beta": (0, 1000),
    "objective.beta_warmup": (0, 1),
    "objective.free_bits": (0, 1e6),
    "objective.sigma_floor": (1e-6, 1),
    "objective.mean_path": (0, 1),
    "data.crop": (4, 1024),
    "data.crops_per_image": (0, 4096),
    "data.min_scale": (0.05, 1),
    "data.detail_candidates": (1, 16),
    "data.flat_threshold": (0, 1),
    "data.cache_megapixels": (0, 1e6),
    "data.validation_images": (0, 64),
    "degradation.clean": (0, 1),
    "degradation.noise": (0, 1),
    "degradation.noise_sigma": (0, 255),
    "degradation.unclipped": (0, 1),
    "degradation.jpeg": (0, 1),
    "degradation.jpeg_quality": (1, 100),
    "degradation.chroma_420": (0, 1),
    "degradation.noise_known": (0, 1),
    "training.batch": (1, 65_536),
    "training.steps": (1, 1e9),
    "training.minutes": (0, 1e6),
    "training.learning_rate": (0, 10),
    "training.final_rate": (0, 1),
    "training.warmup_steps": (0, 1e9),
    "training.clip_norm": (1e-6, 1e6),
    "training.ema": (0, 1),
    "training.checkpoint_minutes": (0.01, 1e6),
    "training.checkpoint_steps": (0, 1e9),
    "training.seed": (0, 2**31 - 1),
}
CHOICES = {
    "model.network": ("ladder", "mlp"),
    "model.likelihood": ("gaussian", "bernoulli"),
    "training.precision": ("auto", "float32", "bfloat16"),
}
