def main():
    print("installed")
