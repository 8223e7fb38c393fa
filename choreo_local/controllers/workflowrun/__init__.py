"""WorkflowRun: runs a workflow as an Argo Workflow on a workflow plane, and reports its steps."""
