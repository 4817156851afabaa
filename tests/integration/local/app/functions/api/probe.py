"""ANY /probe/{proxy+}: do what the test asks for."""

import json
import os
import time
from typing import Any

import boto3
from botocore.exceptions import ClientError

Json = dict[str, Any]


def handler(event: Json, _: object) -> Json:
    what = event["pathParameters"]["proxy"]
    asked = event.get("queryStringParameters") or {}
    return {"statusCode": 200, "body": json.dumps(PROBES[what](event, asked))}


def echo(event: Json, _asked: Json) -> Any:
    return {"length": len(event.get("body") or ""), "base64": event["isBase64Encoded"], "cookies": event["headers"].get("cookie")}


def long_answer(_event: Json, asked: Json) -> Any:
    return "x" * int(asked["length"])


def slow(_event: Json, asked: Json) -> Any:
    time.sleep(float(asked["seconds"]))
    return {"pid": os.getpid()}


def environment(_event: Json, _asked: Json) -> Any:
    return dict(os.environ)


def fail(_event: Json, _asked: Json) -> Any:
    message = "the caller must not read this"
    raise ValueError(message)


def log(_event: Json, _asked: Json) -> Any:
    print("a line for the log")  # noqa: T201 - what a function prints is its log
    return {"pid": os.getpid()}


def quiet(_event: Json, _asked: Json) -> Any:
    return {"pid": os.getpid()}


def secrets(_event: Json, _asked: Json) -> Any:
    key, secret = os.environ["KEY_ARN"], os.environ["SECRET_ARN"]
    kms = boto3.client("kms")
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"tenant": "t1"})
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"tenant": "t1"})
    length = len(boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
    return {"opened": opened["Plaintext"] == made["Plaintext"], "secret_length": length}


def forbidden(_event: Json, _asked: Json) -> Any:
    try:
        boto3.resource("dynamodb").Table(os.environ["OTHER_TABLE"]).put_item(Item={"pk": "x"})
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"


PROBES = {
    "echo": echo,
    "long": long_answer,
    "slow": slow,
    "environment": environment,
    "fail": fail,
    "log": log,
    "quiet": quiet,
    "secrets": secrets,
    "forbidden": forbidden,
}
