"""An S3 store on loopback: moto, filled by AWS' own client, and then closed to all who do not sign.

Prints one line of JSON that says where it is and what is in it, and serves until its standard input ends.
"""

import json
import logging
import sys

import boto3
from moto import settings
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"
BUCKET = "models"
ODD = "iris/sub dir/weights (1)+ä&=%~'.bin"


def client(service, endpoint):
    # Nobody is asked who they are until the store is closed.
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="nobody",
        aws_secret_access_key="nothing",
    )


def fill(s3):
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    # More than the thousand that one answer lists.
    for number in range(1203):
        s3.put_object(Bucket=BUCKET, Key=f"many/part-{number:04}", Body=b"%d" % number)
    s3.put_object(Bucket=BUCKET, Key="iris/", Body=b"")
    s3.put_object(Bucket=BUCKET, Key=ODD, Body=b"odd")
    return [
        s3.put_object(Bucket=BUCKET, Key="iris/model.onnx", Body=body)["VersionId"]
        for body in (b"first", b"second")
    ]


def user(iam, name, actions):
    iam.create_user(UserName=name)
    statement = [{"Effect": "Allow", "Action": actions, "Resource": "*"}]
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"accessKeyId": key["AccessKeyId"], "secretAccessKey": key["SecretAccessKey"]}


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    versions = fill(client("s3", endpoint))
    iam = client("iam", endpoint)
    facts = {
        "host": f"{host}:{port}",
        "region": REGION,
        "bucket": BUCKET,
        "odd": ODD,
        "versions": versions,
        "reader": user(iam, "reader", ["s3:GetObject", "s3:GetObjectVersion", "s3:HeadObject", "s3:ListBucket"]),
        "stranger": user(iam, "stranger", ["ec2:DescribeInstances"]),
    }
    # From now on it computes every signature itself, with AWS' library.
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
    print(json.dumps(facts), flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
