"""A class that predicts together: phones vote, the presenter's page shows the votes."""
