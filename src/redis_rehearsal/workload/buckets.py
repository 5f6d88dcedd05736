"""The time buckets in which counters and live structures are kept, each by the number of its start."""


def expires_seconds(bucket: int, buckets_kept: int, bucket_seconds: int) -> int:
    """When what belongs to a bucket is to expire, Unix time: once as many later ones have ended as are kept.

    Args:
        bucket: its number: its start divided by its length.
        buckets_kept: see TIME_BUCKETS.
        bucket_seconds: length of a bucket.
    """
    return (bucket + 1 + buckets_kept) * bucket_seconds
