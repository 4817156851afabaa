"""ANY /probe/{proxy+}: do what the test asks for."""

import json
import os
import time

import boto3
from botocore.exceptions import ClientError


def handler(event, context):
    what = event["pathParameters"]["proxy"]
    asked = event.get("queryStringParameters") or {}
    return {"statusCode": 200, "body": json.dumps(PROBES[what](event, asked))}


def echo(event, asked):
    return {"length": len(event.get("body") or ""), "base64": event["isBase64Encoded"], "cookies": event["headers"].get("cookie")}


def long_answer(event, asked):
    return "x" * int(asked["length"])


def slow(event, asked):
    time.sleep(float(asked["seconds"]))
    return {"pid": os.getpid()}


def environment(event, asked):
    return dict(os.environ)


def fail(event, asked):
    raise ValueError("the caller must not read this")


def log(event, asked):
    print("a line for the log")
    return {"pid": os.getpid()}


def quiet(event, asked):
    return {"pid": os.getpid()}


def secrets(event, asked):
    key, secret = os.environ["KEY_ARN"], os.environ["SECRET_ARN"]
    kms = boto3.client("kms")
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"tenant": "t1"})
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"tenant": "t1"})
    length = len(boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
    return {"opened": opened["Plaintext"] == made["Plaintext"], "secret_length": length}


def forbidden(event, asked):
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
