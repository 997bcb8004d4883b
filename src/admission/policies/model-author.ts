import { GROUP, VERSION } from "../../api/index.ts";
import { AUTHOR_ANNOTATION } from "../names.ts";
import type { PolicyDefinition } from "./build.ts";

const authorIn = (object: string) => `${object}.metadata.?annotations[?'${AUTHOR_ANNOTATION}'].orValue('')`;

/**
 * Who wrote a SecureModel is said by an annotation, and nobody says it of somebody else: whoever writes the spec puts their own
 * name there, or none. Without a change of the spec it can only be taken away, since nobody becomes the author of what another
 * has written (docs/adr/0012).
 */
export const modelAuthor: PolicyDefinition = {
  name: "mlsecops-model-author",
  rules: [
    { apiGroups: [GROUP], apiVersions: [VERSION], operations: ["CREATE", "UPDATE"], resources: ["securemodels"] },
  ],
  variables: [
    { name: "author", expression: authorIn("object") },
    { name: "before", expression: `request.operation == 'CREATE' ? '' : ${authorIn("oldObject")}` },
    { name: "writes", expression: "request.operation == 'CREATE' || object.spec != oldObject.spec" },
  ],
  validations: [
    {
      expression: "!variables.writes || variables.author == '' || variables.author == request.userInfo.username",
      messageExpression: `'whoever writes the spec of a SecureModel is its author: set the annotation ${AUTHOR_ANNOTATION} to ' + request.userInfo.username + ', or remove it'`,
      message: `whoever writes the spec of a SecureModel is its author: set the annotation ${AUTHOR_ANNOTATION} to your name, or remove it`,
    },
    {
      expression: "variables.writes || variables.author == '' || variables.author == variables.before",
      message: `nobody becomes the author of a SecureModel whose spec they leave as it is: leave the annotation ${AUTHOR_ANNOTATION} as it was, or remove it`,
    },
  ],
};
