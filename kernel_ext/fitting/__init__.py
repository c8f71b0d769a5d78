"""The Fit tab: approximations of a posterior, watched while they are fitted."""
